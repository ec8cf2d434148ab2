import { unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { throwIfStopped } from '../../base/abort.ts'
import { errorCode } from '../../base/error-code.ts'
import { objectMissing } from '../object-range.ts'
import type { Storage } from '../storage.ts'
import { fileSize, listObjects } from './list-objects.ts'
import { localFailure } from './local-failure.ts'
import { LocalFolder } from './local-folder.ts'
import { readObject } from './read-object.ts'
import { removeStale } from './unfinished.ts'
import { writeObject } from './write-object.ts'

/**
 * A storage in a folder of this machine, in restic's layout. The folder must be there (see createLocalFolder());
 * where it is not, every call fails with Failure `repository_missing` and nothing is made, since a disk that is
 * not mounted looks the same.
 *
 * Files are 0600 and folders 0700. An object that another process stores or removes is seen at the next call.
 * A storage that has written also takes away the unfinished files of killed writers that its listings meet.
 */
export function localStorage(path: string): Storage {
  const folder = new LocalFolder(path)
  const name = folder.path
  /** The file system's own clock at our last write: a lower bound of its present time, free of clock skew. */
  let writtenAtMs: number | undefined
  const onUnfinished = async (unfinishedPath: string): Promise<void> => {
    if (writtenAtMs !== undefined) await removeStale(unfinishedPath, writtenAtMs)
  }

  return {
    name,

    async put(objectName, body, options, signal) {
      throwIfStopped(signal)
      try {
        const outcome = await writeObject(folder, objectName, body, options, signal)
        writtenAtMs = outcome.writtenAtMs ?? writtenAtMs
        return outcome.answer
      } catch (error) {
        throw localFailure(error, 'write object', objectName, name)
      }
    },

    async get(objectName, options, signal) {
      throwIfStopped(signal)
      try {
        return await readObject(folder.filePath(objectName), objectName, options, signal)
      } catch (error) {
        if (errorCode(error) !== 'ENOENT') throw localFailure(error, 'read object', objectName, name)
        await folder.requirePresent()
        throw objectMissing(objectName, name, error)
      }
    },

    async size(objectName, signal) {
      throwIfStopped(signal)
      try {
        const size = await fileSize(folder.filePath(objectName))
        if (size === undefined) await folder.requirePresent()
        return size
      } catch (error) {
        throw localFailure(error, 'look for object', objectName, name)
      }
    },

    async *list(prefix, signal) {
      try {
        yield* listObjects({ folder, prefix, signal, onUnfinished })
      } catch (error) {
        throw localFailure(error, 'list objects', prefix, name)
      }
    },

    async remove(objectName, signal) {
      throwIfStopped(signal)
      const filePath = folder.filePath(objectName)
      try {
        await ignoreAbsent(unlink(filePath))
        // Durable before it resolves, so that power loss can not bring back what went first and keep what went
        // later gone. Also where the file was absent: its remover may have died before this line.
        await ignoreAbsent(folder.sync(dirname(filePath)))
        await folder.requirePresent()
      } catch (error) {
        throw localFailure(error, 'remove object', objectName, name)
      }
    },

    async close() {},
  }
}

async function ignoreAbsent(work: Promise<void>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
}

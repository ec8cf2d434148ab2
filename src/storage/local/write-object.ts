import { open, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { throwIfStopped } from '../../base/abort.ts'
import { errorCode } from '../../base/error-code.ts'
import { Failure } from '../../base/failure.ts'
import type { PutOptions } from '../storage.ts'
import { commitFile, isPresent } from './commit-file.ts'
import { fileMode } from './local-folder.ts'
import type { LocalFolder } from './local-folder.ts'
import { unfinishedName } from './unfinished.ts'

/** Bytes handed to one write call, so that a stop is heard soon. */
const writeBytesMax = 8 * 1024 * 1024

/** More unfinished files of one object than this are not a crash's leavings but a defect. */
const attemptsMax = 1000

/** What a write learned besides its answer. */
export interface WriteOutcome {
  readonly answer: 'stored' | 'exists'
  /** The file system's own time of this write, milliseconds; undefined where nothing was written. */
  readonly writtenAtMs: number | undefined
}

/**
 * Writes an object's file, crash order: unfinished file → its bytes synced → the object's name (commit point) →
 * folder synced. A crash before the commit point leaves an unfinished file, which is no object and which
 * removeStale() takes away later; a crash after it leaves the whole object. Each step may be run again.
 */
export async function writeObject(
  folder: LocalFolder,
  objectName: string,
  body: Uint8Array,
  { whenPresent, onBodyRead }: PutOptions,
  signal: AbortSignal,
): Promise<WriteOutcome> {
  const path = folder.filePath(objectName)
  if (whenPresent === 'keep' && (await isPresent(path))) {
    // Its writer may not have synced the folder yet, or have died before.
    await folder.sync(dirname(path))
    return { answer: 'exists', writtenAtMs: undefined }
  }
  const unfinished = await openUnfinished(folder, path)
  let answer: 'stored' | 'exists'
  let writtenAtMs: number
  try {
    try {
      await writeAll(unfinished.handle, body, signal)
      onBodyRead?.() // The kernel has its own copy now.
      // After a failed sync the kernel may call the same bytes clean: the file is dropped, never synced again.
      await folder.syncLanes.run(async () => {
        throwIfStopped(signal) // While it waited behind others.
        await unfinished.handle.datasync()
      })
      writtenAtMs = (await unfinished.handle.stat()).mtimeMs
    } finally {
      await unfinished.handle.close()
    }
    throwIfStopped(signal)
    answer = await commitFile(unfinished.path, path, whenPresent)
  } catch (error) {
    await unlink(unfinished.path).catch(() => {}) // removeStale() takes it later; the first error is the one to tell.
    throw error
  }
  await folder.sync(dirname(path))
  return { answer, writtenAtMs }
}

async function openUnfinished(folder: LocalFolder, path: string): Promise<{ handle: FileHandle; path: string }> {
  let madeFolder = false
  for (let attempt = 0; attempt < attemptsMax; ) {
    const unfinishedPath = join(dirname(path), unfinishedName(basename(path), attempt))
    try {
      return { handle: await open(unfinishedPath, 'wx', fileMode), path: unfinishedPath }
    } catch (error) {
      const code = errorCode(error)
      if (code === 'EEXIST') {
        attempt += 1 // Another writer of the same object is at work, or was killed.
      } else if (code === 'ENOENT' && !madeFolder) {
        await folder.make(dirname(path))
        madeFolder = true
      } else {
        throw error
      }
    }
  }
  throw new Failure('defect', `Cannot write object "${path}": ${attemptsMax} unfinished files of it are there`)
}

async function writeAll(handle: FileHandle, body: Uint8Array, signal: AbortSignal): Promise<void> {
  for (let at = 0; at < body.length; ) {
    throwIfStopped(signal)
    const { bytesWritten } = await handle.write(body, at, Math.min(writeBytesMax, body.length - at), at)
    at += bytesWritten
  }
  throwIfStopped(signal)
}

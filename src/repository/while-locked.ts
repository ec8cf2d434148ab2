import { isFailure } from '../base/failure.ts'
import type { Storage } from '../storage/storage.ts'
import type { RepositoryLock } from './lock-repository.ts'
import { parseObjectName } from './object-kind.ts'

/** For what follows a put, also when the work was stopped in the meantime. */
const afterMsMax = 60_000

/**
 * The same storage, for work under a lock: what others rely on (indexes, snapshots) is stored, and anything removed,
 * only while the lock is there. The lock's signal alone tells of a loss seconds late; a process that was suspended
 * for an hour would use them to name packs that a prune has removed meanwhile.
 *
 * Who removes data has removed our lock before. So a lock that is still there after an index or a snapshot was stored
 * proves that nothing was removed until then. A snapshot that can not be proven so is taken back; an index stays, since
 * others may have begun to rely on it, and check and prune see what it names in vain.
 *
 * close() closes nothing: the lock itself lies in the storage.
 */
export function whileLocked(inside: Storage, lock: Pick<RepositoryLock, 'requireHeld'>): Storage {
  return {
    name: inside.name,
    async put(objectName, body, options, signal) {
      const kind = parseObjectName(objectName)?.kind
      if (kind !== 'index' && kind !== 'snapshots') return await inside.put(objectName, body, options, signal)
      await lock.requireHeld('now', signal)
      const answer = await inside.put(objectName, body, options, signal)
      try {
        await lock.requireHeld('now', AbortSignal.timeout(afterMsMax))
      } catch (error) {
        const isOurs = answer === 'stored' && options.whenPresent === 'keep'
        if (kind === 'snapshots' && isOurs && isFailure(error, 'lock_lost'))
          await inside.remove(objectName, AbortSignal.timeout(afterMsMax))
        throw error
      }
      return answer
    },
    get: (objectName, options, signal) => inside.get(objectName, options, signal),
    size: (objectName, signal) => inside.size(objectName, signal),
    list: (prefix, signal) => inside.list(prefix, signal),
    async remove(objectName, signal) {
      await lock.requireHeld('a moment ago', signal)
      await inside.remove(objectName, signal)
    },
    close: async () => {},
  }
}

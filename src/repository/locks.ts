import type { Clock } from '../base/clock.ts'
import { Failure, isFailure } from '../base/failure.ts'
import { compareMoments, parseGoTime } from '../model/go-time.ts'
import type { Id } from '../model/id.ts'
import { decodeLock, type LockData } from './lock-json.ts'
import { describeObject } from './object-kind.ts'
import type { Repository } from './repository.ts'

/** A lock that lies in the repository. */
export interface StoredLock extends LockData {
  readonly id: Id
}

/** The process that locks, for its locks and to judge those of others. */
export interface LockOwner {
  readonly hostname: string
  readonly username: string
  readonly processId: number
  readonly userId: number
  readonly groupId: number
  /** Says whether a process runs on this host (base/process-alive.ts). */
  readonly isProcessAlive: (processId: number) => boolean
}

export type LockStorage = Pick<Repository, 'list' | 'loadUnpacked' | 'remove'>

/** restic's limit: a lock that was not refreshed for so long belongs to nobody. */
export const lockStaleAfterMs = 30 * 60 * 1000

/**
 * Says whether the owner of a lock is gone: the lock is older than half an hour, or its process does not run any
 * more on this host. A lock of another host can be judged by its age only.
 */
export function isStale(
  lock: Pick<LockData, 'time' | 'hostname' | 'pid'>,
  owner: Pick<LockOwner, 'hostname' | 'isProcessAlive'>,
  now: Date,
): boolean {
  const { seconds, nanoseconds } = parseGoTime(lock.time)
  const ageMs = now.getTime() - (seconds * 1000 + nanoseconds / 1_000_000)
  if (ageMs > lockStaleAfterMs) return true
  return lock.hostname === owner.hostname && !owner.isProcessAlive(lock.pid)
}

/** What was found in "locks/": an object may be there that is not a lock any more. */
export type FoundLock = StoredLock | { readonly id: Id; readonly damage: Failure }

/** Every lock, oldest first, the damaged ones at the end. */
export async function listLocks(repository: LockStorage, signal: AbortSignal): Promise<FoundLock[]> {
  const sound: StoredLock[] = []
  const damaged: FoundLock[] = []
  for await (const { id, size } of repository.list('locks', signal)) {
    // restic leaves such behind on storages whose writes are not atomic, and passes over them too.
    if (size === 0) continue
    try {
      const json = await repository.loadUnpacked('locks', id, signal)
      sound.push({ ...decodeLock(json, describeObject('locks', id)), id })
    } catch (error) {
      if (isFailure(error, 'object_missing')) continue // Removed by its owner since it was listed.
      if (!isFailure(error, 'repository_damaged')) throw error
      damaged.push({ id, damage: error })
    }
  }
  sound.sort((a, b) => compareMoments(parseGoTime(a.time), parseGoTime(b.time)))
  return [...sound, ...damaged]
}

/** Removes the locks whose owners are gone; answers how many there were. Others, and damaged ones, stay. */
export async function removeStaleLocks(
  repository: LockStorage,
  context: { readonly owner: Pick<LockOwner, 'hostname' | 'isProcessAlive'>; readonly clock: Pick<Clock, 'now'> },
  signal: AbortSignal,
): Promise<number> {
  let removed = 0
  for (const lock of await listLocks(repository, signal)) {
    if ('damage' in lock || !isStale(lock, context.owner, context.clock.now())) continue
    await repository.remove('locks', lock.id, signal)
    removed++
  }
  return removed
}

/** Removes every lock, whoever holds it. A process that works under one stops when it next refreshes it. */
export async function removeAllLocks(repository: LockStorage, signal: AbortSignal): Promise<number> {
  const ids = (await Array.fromAsync(repository.list('locks', signal))).map(({ id }) => id)
  for (const id of ids) await repository.remove('locks', id, signal)
  return ids.length
}

/** The failure that tells who is in the way. */
export function lockedBy(storageName: string, lock: FoundLock): Failure {
  if ('damage' in lock) {
    return new Failure('repository_locked', `Cannot lock repository "${storageName}": lock "${lock.id}" is damaged`, {
      facts: { lock: lock.id, hint: 'If nobody works in the repository, `repo unlock --remove-all` removes it' },
      cause: lock.damage,
    })
  }
  const { id, exclusive, pid, username, hostname, time } = lock
  const kind = exclusive ? 'exclusive' : 'shared'
  const who = `process ${pid} of ${username || 'somebody'} on host "${hostname}" holds the ${kind} lock "${id}"`
  return new Failure('repository_locked', `Cannot lock repository "${storageName}": ${who} since ${time}`, {
    facts: { lock: id, exclusive, pid, username, hostname, time },
  })
}

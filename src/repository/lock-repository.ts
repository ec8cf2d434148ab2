import { setImmediate } from 'node:timers/promises'
import { throwIfStopped } from '../base/abort.ts'
import type { Clock } from '../base/clock.ts'
import { Failure, isFailure } from '../base/failure.ts'
import { formatGoDate } from '../model/go-time.ts'
import type { Id } from '../model/id.ts'
import { encodeLock } from './lock-json.ts'
import { isStale, listLocks, lockedBy, type LockOwner, lockStaleAfterMs } from './locks.ts'
import { objectNameOf } from './object-kind.ts'
import type { Repository } from './repository.ts'

export interface LockOptions {
  /** Many may hold a shared lock at once; who holds an exclusive one holds the only lock. Only removing needs that. */
  readonly kind: 'shared' | 'exclusive'
  readonly owner: LockOwner
  readonly clock: Clock
  /** How long to wait for a lock that is in the way; 0 gives up at once. */
  readonly retryLockMs?: number
  /** Told once, when the waiting begins, what is in the way. */
  readonly onWait?: (inTheWay: Failure) => void
}

export type LockableRepository = Pick<
  Repository,
  'storage' | 'random' | 'list' | 'loadUnpacked' | 'saveUnpacked' | 'remove'
>

/** restic refreshes as often. */
const refreshEveryMs = 5 * 60 * 1000
/** After a refresh that failed. */
const retryRefreshMs = 60_000
/**
 * A lock that could not be refreshed for so long is given up, well before others may call it stale (restic's own
 * margin: clocks may differ by some minutes).
 */
const giveUpAfterMs = lockStaleAfterMs - 1.5 * refreshEveryMs
/** How often the age is looked at: a machine that slept must notice soon after it woke up. */
const lookEveryMs = 5_000
/** So long requireHeld() relies on what it saw, where many small steps ask it. */
const momentMs = 1_000
const retryFirstMs = 5_000
const retryMaxMs = 60_000
/** For writing and removing the own lock: neither may be cut off in the middle when the work is stopped. */
const ownTimeoutMs = 60_000

/**
 * A held lock. The work under it takes `signal`: that one is aborted with the caller's, and with Failure
 * `lock_lost` when the lock could not be kept. `await using` gives it back.
 */
export class RepositoryLock implements AsyncDisposable {
  readonly signal: AbortSignal
  readonly #repository: LockableRepository
  readonly #options: LockOptions
  readonly #lost = new AbortController()
  readonly #ended = new AbortController()
  readonly #refreshing: Promise<void>
  /** Locks of ours besides the present one, where a refresh ended half-way. */
  readonly #leftovers = new Set<Id>()
  #id: Id
  #refreshedAtMs: number
  /** When requireHeld() last found it. */
  #seenAtMs = Number.NEGATIVE_INFINITY

  constructor(repository: LockableRepository, options: LockOptions, id: Id, signal: AbortSignal) {
    this.#repository = repository
    this.#options = options
    this.#id = id
    this.#refreshedAtMs = options.clock.now().getTime()
    this.signal = AbortSignal.any([signal, this.#lost.signal])
    this.#refreshing = this.#keepFresh()
  }

  /** The lock's present name; each refresh gives it a new one. */
  get id(): Id {
    return this.#id
  }

  /**
   * Throws Failure `lock_lost` where the lock is gone or too old; the signal is aborted then. 'a moment ago' is content
   * with a look that was taken within the last second.
   */
  async requireHeld(when: 'now' | 'a moment ago', signal: AbortSignal): Promise<void> {
    this.#lost.signal.throwIfAborted()
    const nowMs = this.#options.clock.now().getTime()
    const sinceSeenMs = nowMs - this.#seenAtMs
    if (when === 'a moment ago' && sinceSeenMs >= 0 && sinceSeenMs < momentMs) return
    for (;;) {
      const id = this.#id
      if (await exists(this.#repository, id, signal)) break
      if (id === this.#id) this.#lose('somebody removed it') // Otherwise it has just been refreshed.
      this.#lost.signal.throwIfAborted()
    }
    if (nowMs - this.#refreshedAtMs > giveUpAfterMs) this.#loseByAge(nowMs)
    this.#lost.signal.throwIfAborted()
    this.#seenAtMs = nowMs
  }

  /** Removes the lock. No work may go on under it. */
  async release(): Promise<void> {
    this.#ended.abort()
    await this.#refreshing
    for (const id of [this.#id, ...this.#leftovers]) await removeOwn(this.#repository, id)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }

  /** Ends when the lock is released or lost. Never throws. */
  async #keepFresh(): Promise<void> {
    const { clock } = this.#options
    let nextTryAtMs = this.#refreshedAtMs + refreshEveryMs
    while (!this.#ended.signal.aborted) {
      try {
        await clock.sleep(lookEveryMs, this.#ended.signal)
        await setImmediate() // Under a fake clock no time passes in a sleep, and the work itself needs its turn.
        const nowMs = clock.now().getTime()
        if (nowMs - this.#refreshedAtMs > giveUpAfterMs) {
          this.#loseByAge(nowMs)
          return
        }
        // A clock that was set back would make the lock look fresh for too long: it gets its new time at once.
        const wasSetBack = nowMs < this.#refreshedAtMs
        if (nowMs < nextTryAtMs && !wasSetBack) continue
        nextTryAtMs = nowMs + retryRefreshMs
        if (!(await this.#refresh())) {
          this.#lose('somebody removed it')
          return
        }
        nextTryAtMs = this.#refreshedAtMs + refreshEveryMs
      } catch (error) {
        // The storage may be away for a while: what counts is the age, looked at above. Anything else is final.
        if (isFailure(error) && error.code !== 'defect') continue
        this.#lose('it could not be refreshed', error)
        return
      }
    }
  }

  /**
   * The new lock goes first, then the old one is removed: at every moment there is one. A crash in between leaves
   * two, both stale by the same rules. Answers false where the old one is gone: then others did not see a lock.
   */
  async #refresh(): Promise<boolean> {
    const signal = AbortSignal.timeout(ownTimeoutMs)
    const oldId = this.#id
    if (!(await exists(this.#repository, oldId, signal))) return false
    const refreshedAtMs = this.#options.clock.now().getTime()
    const newId = await createLock(this.#repository, this.#options, signal)
    this.#leftovers.add(newId)
    if (!(await exists(this.#repository, oldId, signal))) return false
    this.#id = newId
    this.#refreshedAtMs = refreshedAtMs
    this.#leftovers.delete(newId)
    this.#leftovers.add(oldId)
    await this.#repository.remove('locks', oldId, signal)
    this.#leftovers.delete(oldId)
    return true
  }

  #loseByAge(nowMs: number): void {
    this.#lose(`it was not refreshed for ${Math.round((nowMs - this.#refreshedAtMs) / 60_000)} minutes`)
  }

  #lose(found: string, cause?: unknown): void {
    const { name } = this.#repository.storage
    this.#lost.abort(new Failure('lock_lost', `Cannot keep the lock of repository "${name}": ${found}`, { cause }))
  }
}

/**
 * Takes a lock. Failure `repository_locked` where another one is in the way until `retryLockMs` have passed.
 * Locks whose owners are gone are removed on the way, so that one that wakes up again notices that it lost its.
 *
 * Order: look, create, look again. Two that want the same at the same moment have both created before either looks
 * again, and since list() names what put() stored, at least one sees the other and steps back; often both do. restic waits 200 ms
 * before its second look, for storages that list late; a Storage of ours may not.
 */
export async function lockRepository(
  repository: LockableRepository,
  options: LockOptions,
  signal: AbortSignal,
): Promise<RepositoryLock> {
  const { clock, retryLockMs = 0, onWait } = options
  const startedAtMs = clock.monotonicMs()
  for (let waitMs = retryFirstMs, trial = 1; ; trial++) {
    throwIfStopped(signal)
    try {
      return await tryLock(repository, options, signal)
    } catch (error) {
      if (!isFailure(error, 'repository_locked')) throw error
      const leftMs = retryLockMs - (clock.monotonicMs() - startedAtMs)
      if (leftMs <= 0) throw error
      if (trial === 1) onWait?.(error)
      // Up to a quarter less, by chance: two that stepped back from each other must not meet again.
      const jitter = 1 - repository.random(1)[0]! / 1024
      await clock.sleep(Math.min(waitMs * jitter, leftMs), signal)
      waitMs = Math.min(waitMs * 2, retryMaxMs)
    }
  }
}

async function tryLock(
  repository: LockableRepository,
  options: LockOptions,
  signal: AbortSignal,
): Promise<RepositoryLock> {
  await requireFree(repository, options, undefined, signal)
  const id = await createLock(repository, options, signal)
  try {
    await requireFree(repository, options, id, signal)
  } catch (error) {
    await removeOwn(repository, id)
    throw error
  }
  return new RepositoryLock(repository, options, id, signal)
}

/** Throws Failure `repository_locked` where a lock that is not `own` does not go with the one that is wanted. */
async function requireFree(
  repository: LockableRepository,
  options: LockOptions,
  own: Id | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { kind, owner, clock } = options
  for (const lock of await listLocks(repository, signal)) {
    if (lock.id === own) continue
    if ('damage' in lock) throw lockedBy(repository.storage.name, lock)
    if (isStale(lock, owner, clock.now())) await repository.remove('locks', lock.id, signal)
    else if (kind === 'exclusive' || lock.exclusive) throw lockedBy(repository.storage.name, lock)
  }
}

async function createLock(repository: LockableRepository, options: LockOptions, signal: AbortSignal): Promise<Id> {
  const { hostname, username, processId, userId, groupId } = options.owner
  const lock = {
    time: formatGoDate(options.clock.now()),
    exclusive: options.kind === 'exclusive',
    hostname,
    username,
    pid: processId,
    uid: userId,
    gid: groupId,
  }
  return await repository.saveUnpacked('locks', encodeLock(lock), signal)
}

async function exists(repository: LockableRepository, id: Id, signal: AbortSignal): Promise<boolean> {
  return (await repository.storage.size(objectNameOf('locks', id), signal)) !== undefined
}

/** Removes a lock of ours, also after the work was stopped. */
async function removeOwn(repository: Pick<Repository, 'remove'>, id: Id): Promise<void> {
  try {
    await repository.remove('locks', id, AbortSignal.timeout(ownTimeoutMs))
  } catch (error) {
    // A lock that stays behind is harmless: this process ends, and then everybody on this host calls it stale,
    // and after half an hour everybody else. The work's own outcome must not be lost to it.
    if (!isFailure(error)) throw error
  }
}

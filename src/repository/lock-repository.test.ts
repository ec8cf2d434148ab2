import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'
import { freshRepository } from '../../testing/fresh-repository.ts'
import { neverStopped, throwIfStopped } from '../base/abort.ts'
import type { Clock } from '../base/clock.ts'
import { Failure, isFailure } from '../base/failure.ts'
import { formatGoDate } from '../model/go-time.ts'
import { memoryStorage } from '../storage/memory/memory-storage.ts'
import type { Storage } from '../storage/storage.ts'
import { encodeLock } from './lock-json.ts'
import { type LockOptions, lockRepository } from './lock-repository.ts'
import { isStale, listLocks, type LockOwner, removeAllLocks, removeStaleLocks } from './locks.ts'
import type { Repository } from './repository.ts'

const signal = neverStopped()
const minuteMs = 60_000

const owner: LockOwner = {
  hostname: 'here',
  username: 'me',
  processId: 100,
  userId: 1000,
  groupId: 1000,
  isProcessAlive: (processId) => processId === 100,
}
const otherHost: LockOwner = { ...owner, hostname: 'there', processId: 7 }

/** A clock whose sleepers wake when it is moved past their time. */
function movedClock(): Clock & { move(ms: number): Promise<void> } {
  let nowMs = Date.parse('2026-05-01T12:00:00Z')
  const sleepers = new Set<{ untilMs: number; wake: () => void }>()
  return {
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs,
    sleep: async (ms, sleepSignal) => {
      throwIfStopped(sleepSignal)
      await new Promise<void>((resolve) => {
        const sleeper = { untilMs: nowMs + ms, wake: resolve }
        sleepers.add(sleeper)
        sleepSignal.addEventListener('abort', () => {
          sleepers.delete(sleeper)
          resolve()
        })
      })
      throwIfStopped(sleepSignal)
    },
    move: async (ms) => {
      nowMs += ms
      for (const sleeper of sleepers) {
        if (sleeper.untilMs > nowMs) continue
        sleepers.delete(sleeper)
        sleeper.wake()
      }
      for (let turn = 0; turn < 20; turn++) await setImmediate()
    },
  }
}

async function lockIds(repository: Repository): Promise<string[]> {
  return (await listLocks(repository, signal)).map(({ id }) => id)
}

async function putLock(
  repository: Repository,
  lock: { time: Date; exclusive?: boolean; hostname?: string; pid?: number },
) {
  const { time, exclusive = true, hostname = 'there', pid = 7 } = lock
  const data = { exclusive, hostname, pid, username: 'them', uid: 0, gid: 0, time: formatGoDate(time) }
  return await repository.saveUnpacked('locks', encodeLock(data), signal)
}

test('lockRepository() lets shared locks be many and an exclusive one alone', async () => {
  const repository = await freshRepository()
  const clock = movedClock()
  const take = (kind: LockOptions['kind'], by = owner) => lockRepository(repository, { kind, owner: by, clock }, signal)
  const first = await take('shared')
  const second = await take('shared', otherHost)
  assert.equal((await lockIds(repository)).length, 2)
  await assert.rejects(take('exclusive'), (error) => isFailure(error, 'repository_locked'))
  assert.equal((await lockIds(repository)).length, 2, 'the loser leaves no lock behind')
  await first.release()
  await second.release()
  await using exclusive = await take('exclusive')
  await assert.rejects(take('shared', otherHost), (error) => {
    assert.ok(isFailure(error, 'repository_locked'))
    assert.match(
      error.message,
      /process 100 of me on host "here" holds the exclusive lock .* since 2026-05-01T12:00:00Z/,
    )
    return true
  })
  assert.deepEqual(await lockIds(repository), [exclusive.id])
})

test('lockRepository() lets at most one of many through that come at once', async () => {
  for (let round = 0; round < 10; round++) {
    const repository = await freshRepository()
    const clock = movedClock()
    const kinds = ['exclusive', 'shared', 'exclusive', 'shared', 'exclusive'] as const
    const taken = await Promise.allSettled(
      kinds.map((kind) => lockRepository(repository, { kind, owner, clock }, signal)),
    )
    const held = taken.flatMap((one, at) => (one.status === 'fulfilled' ? [{ kind: kinds[at], lock: one.value }] : []))
    assert.ok(held.length <= 1 || held.every(({ kind }) => kind === 'shared'), held.map(({ kind }) => kind).join())
    for (const { lock } of held) await lock.release()
    assert.deepEqual(await lockIds(repository), [])
  }
})

test('lockRepository() removes locks of the dead and of half an hour ago, and no others', async () => {
  const repository = await freshRepository()
  const clock = movedClock()
  const now = clock.now()
  await putLock(repository, { time: new Date(now.getTime() - 31 * minuteMs) })
  await putLock(repository, { time: now, hostname: 'here', pid: 99 })
  const alive = await putLock(repository, { time: new Date(now.getTime() - 29 * minuteMs) })
  await assert.rejects(
    lockRepository(repository, { kind: 'shared', owner, clock }, signal),
    (error) => isFailure(error, 'repository_locked') && error.facts.lock === alive,
  )
  await repository.remove('locks', alive, signal)
  await using lock = await lockRepository(repository, { kind: 'exclusive', owner, clock }, signal)
  assert.deepEqual(await lockIds(repository), [lock.id])
})

test('isStale() judges a lock of this host by its process, and any lock by its age', () => {
  const now = new Date('2026-05-01T12:00:00Z')
  const lock = { time: '2026-05-01T13:45:00+02:00', hostname: 'here', pid: 100 }
  assert.equal(isStale(lock, owner, now), false)
  assert.equal(isStale({ ...lock, pid: 5 }, owner, now), true)
  assert.equal(isStale({ ...lock, pid: 5, hostname: 'there' }, owner, now), false)
  assert.equal(isStale({ ...lock, time: '2026-05-01T13:29:59+02:00' }, owner, now), true)
  assert.equal(isStale({ ...lock, time: '2026-05-01T12:20:00Z' }, owner, now), false)
})

test('lockRepository() waits for a lock that goes away, and tells once what is in the way', async () => {
  const repository = await freshRepository()
  const clock = movedClock()
  const other = await putLock(repository, { time: clock.now() })
  const told: Failure[] = []
  const waiting = lockRepository(
    repository,
    { kind: 'shared', owner, clock, retryLockMs: 5 * minuteMs, onWait: (failure) => told.push(failure) },
    signal,
  )
  for (let minute = 0; minute < 3; minute++) await clock.move(minuteMs)
  assert.equal(told.length, 1)
  await repository.remove('locks', other, signal)
  await clock.move(minuteMs)
  const lock = await waiting
  assert.deepEqual(await lockIds(repository), [lock.id])
  await lock.release()
})

test('lockRepository() gives up when retryLockMs have passed, and at once when it is stopped', async () => {
  const repository = await freshRepository()
  const clock = movedClock()
  await putLock(repository, { time: clock.now() })
  const options = { kind: 'shared', owner, clock, retryLockMs: 2 * minuteMs } as const
  const waiting = lockRepository(repository, options, signal)
  waiting.catch(() => {})
  for (let step = 0; step < 4; step++) await clock.move(minuteMs)
  await assert.rejects(waiting, (error) => isFailure(error, 'repository_locked'))
  const controller = new AbortController()
  const stopped = lockRepository(repository, options, controller.signal)
  stopped.catch(() => {})
  await clock.move(1000)
  controller.abort()
  await assert.rejects(stopped, (error) => isFailure(error, 'stopped'))
})

test('RepositoryLock is refreshed every five minutes: a new object, then the old one goes', async () => {
  const repository = await freshRepository()
  const clock = movedClock()
  const lock = await lockRepository(repository, { kind: 'shared', owner, clock }, signal)
  const seen = new Set<string>()
  for (let step = 0; step < 61; step++) {
    await clock.move(minuteMs)
    const ids = await lockIds(repository)
    assert.equal(ids.length, 1)
    seen.add(ids[0]!)
  }
  assert.equal(lock.signal.aborted, false)
  assert.ok(seen.size >= 10 && seen.size <= 13, `${seen.size}`)
  await lock.release()
  assert.deepEqual(await lockIds(repository), [])
})

test('RepositoryLock aborts with lock_lost when somebody removed the lock', async () => {
  const repository = await freshRepository()
  const clock = movedClock()
  const lock = await lockRepository(repository, { kind: 'exclusive', owner, clock }, signal)
  assert.equal(await removeAllLocks(repository, signal), 1)
  await clock.move(6 * minuteMs)
  assert.equal(isFailure(lock.signal.reason, 'lock_lost'), true)
  assert.throws(
    () => throwIfStopped(lock.signal),
    (error) => isFailure(error, 'lock_lost'),
  )
  await lock.release()
  assert.deepEqual(await lockIds(repository), [])
})

test('RepositoryLock outlives a storage that is away for 20 minutes, and is lost after 23', async () => {
  const inside = memoryStorage()
  let isAway = false
  const storage: Storage = {
    ...inside,
    put: async (...given) => {
      if (isAway) throw new Failure('storage_unreachable', 'Away')
      return await inside.put(...given)
    },
  }
  const repository = await freshRepository({ storage })
  const clock = movedClock()
  const lock = await lockRepository(repository, { kind: 'shared', owner, clock }, signal)
  isAway = true
  for (let step = 0; step < 20; step++) await clock.move(minuteMs)
  isAway = false
  for (let step = 0; step < 10; step++) await clock.move(minuteMs)
  assert.equal(lock.signal.aborted, false)
  isAway = true
  for (let step = 0; step < 30; step++) await clock.move(minuteMs)
  assert.equal(isFailure(lock.signal.reason, 'lock_lost'), true)
  isAway = false
  await lock.release()
  assert.deepEqual(await lockIds(repository), [])
})

test('RepositoryLock is lost when the machine slept for an hour', async () => {
  const repository = await freshRepository()
  const clock = movedClock()
  const lock = await lockRepository(repository, { kind: 'shared', owner, clock }, signal)
  await clock.move(60 * minuteMs)
  assert.equal(isFailure(lock.signal.reason, 'lock_lost'), true)
  await lock.release()
})

test('RepositoryLock.signal is aborted with the caller, and release() still removes the lock', async () => {
  const repository = await freshRepository()
  const controller = new AbortController()
  const lock = await lockRepository(repository, { kind: 'shared', owner, clock: movedClock() }, controller.signal)
  controller.abort()
  assert.equal(lock.signal.aborted, true)
  await lock.release()
  assert.deepEqual(await lockIds(repository), [])
})

test('removeStaleLocks() leaves living and damaged locks, and a damaged one is in the way', async () => {
  const repository = await freshRepository()
  const clock = movedClock()
  const now = clock.now()
  const living = await putLock(repository, { time: now, exclusive: false })
  await putLock(repository, { time: new Date(now.getTime() - 40 * minuteMs) })
  const damaged = '0'.repeat(64)
  await repository.storage.put(`locks/${damaged}`, Buffer.from('no lock'), { whenPresent: 'keep' }, signal)
  await repository.storage.put(`locks/${'1'.repeat(64)}`, Buffer.alloc(0), { whenPresent: 'keep' }, signal)
  assert.equal(await removeStaleLocks(repository, { owner, clock }, signal), 1)
  assert.deepEqual(await lockIds(repository), [living, damaged])
  await assert.rejects(
    lockRepository(repository, { kind: 'shared', owner, clock }, signal),
    (error) => isFailure(error, 'repository_locked') && error.facts.lock === damaged,
  )
  assert.equal(await removeAllLocks(repository, signal), 3)
})

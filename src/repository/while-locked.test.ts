import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { freshRepository } from '../../testing/fresh-repository.ts'
import { neverStopped } from '../base/abort.ts'
import type { Clock } from '../base/clock.ts'
import { isFailure } from '../base/failure.ts'
import type { Storage } from '../storage/storage.ts'
import { type LockOptions, lockRepository } from './lock-repository.ts'
import { removeAllLocks } from './locks.ts'
import { objectNameOf } from './object-kind.ts'
import type { Repository } from './repository.ts'
import { whileLocked } from './while-locked.ts'

const signal = neverStopped()
const body = Buffer.from('body')
const id = hash('sha256', body)
const keep = { whenPresent: 'keep' } as const

function isLost(error: unknown): boolean {
  return isFailure(error, 'lock_lost')
}

/** A clock that stands, as for a process that was suspended: the refreshing never gets its turn. */
function standingClock(): Clock & { nowMs: number } {
  const clock = {
    nowMs: Date.parse('2026-05-01T12:00:00Z'),
    now: () => new Date(clock.nowMs),
    monotonicMs: () => clock.nowMs,
    sleep: (_ms: number, stop: AbortSignal) =>
      new Promise<void>((resolve) => {
        stop.addEventListener('abort', () => resolve())
      }),
  }
  return clock
}

async function lockedRepository(inside?: (repository: Repository) => Storage) {
  const repository = await freshRepository()
  const clock = standingClock()
  const owner = {
    hostname: 'here',
    username: 'me',
    processId: 1,
    userId: 0,
    groupId: 0,
    isProcessAlive: () => true,
  }
  const options: LockOptions = { kind: 'shared', owner, clock }
  const lock = await lockRepository(repository, options, signal)
  return { repository, clock, lock, storage: whileLocked(inside?.(repository) ?? repository.storage, lock) }
}

test('whileLocked() stores and removes everything while the lock is there', async () => {
  const { storage, lock } = await lockedRepository()
  for (const kind of ['data', 'index', 'snapshots'] as const) {
    assert.equal(await storage.put(objectNameOf(kind, id), body, keep, signal), 'stored')
    await storage.remove(objectNameOf(kind, id), signal)
    assert.equal(await storage.size(objectNameOf(kind, id), signal), undefined)
  }
  await lock.release()
})

test('whileLocked() stores no index and no snapshot once somebody removed the lock, and removes nothing', async () => {
  const { repository, storage, lock, clock } = await lockedRepository()
  await storage.put(objectNameOf('data', id), body, keep, signal)
  await removeAllLocks(repository, signal)
  clock.nowMs += 2_000
  for (const kind of ['index', 'snapshots'] as const) {
    await assert.rejects(storage.put(objectNameOf(kind, id), body, keep, signal), isLost)
    assert.equal(await storage.size(objectNameOf(kind, id), signal), undefined)
  }
  await assert.rejects(storage.remove(objectNameOf('data', id), signal), isLost)
  assert.equal(await storage.size(objectNameOf('data', id), signal), body.length)
  assert.ok(isLost(lock.signal.reason))
  await lock.release()
})

test('whileLocked() refuses at once when the process slept for so long that others may call the lock stale', async () => {
  const { storage, lock, clock } = await lockedRepository()
  clock.nowMs += 60 * 60_000
  await assert.rejects(storage.put(objectNameOf('snapshots', id), body, keep, signal), isLost)
  await lock.release()
})

test('whileLocked() takes back a snapshot when the lock was lost while it was stored', async () => {
  const { storage, repository, lock } = await lockedRepository((opened) => ({
    ...opened.storage,
    put: async (...args) => {
      await removeAllLocks(opened, signal)
      return await opened.storage.put(...args)
    },
  }))
  await assert.rejects(storage.put(objectNameOf('snapshots', id), body, keep, signal), isLost)
  assert.equal(await repository.storage.size(objectNameOf('snapshots', id), signal), undefined)
  await lock.release()
})

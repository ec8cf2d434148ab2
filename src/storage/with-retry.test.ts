import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neverStopped } from '../base/abort.ts'
import { fakeClock } from '../base/clock.ts'
import { Failure } from '../base/failure.ts'
import { failEvery, failOnce, failTimes, faultStorage } from './fault-storage.ts'
import type { CallFilter, Faults } from './fault-storage.ts'
import { memoryStorage } from './memory/memory-storage.ts'
import { storageContract } from './storage.contract.ts'
import type { Storage } from './storage.ts'
import { withRetry } from './with-retry.ts'

const signal = neverStopped()
const keep = { whenPresent: 'keep' } as const
const body = Uint8Array.of(1, 2, 3, 4)
const isPut: CallFilter = ({ verb }) => verb === 'put'

function retrying(inside: Storage, faults: Faults, attemptsMax = 20): Storage {
  return withRetry(faultStorage(inside, faults), { clock: fakeClock(new Date(0)), random: () => 0.5, attemptsMax })
}

storageContract('withRetry()', async () => retrying(memoryStorage(), {}))
storageContract('withRetry() of a storage whose every third call fails before its effect', async () =>
  retrying(memoryStorage(), { before: failEvery(3, 'storage_unreachable') }),
)
storageContract('withRetry() of a storage whose listings break and whose reads lose their answers', async () =>
  retrying(memoryStorage(), {
    duringList: failEvery(29, 'storage_unreachable'),
    after: failEvery(2, 'storage_unreachable', ({ verb }) => verb !== 'put' && verb !== 'list'),
  }),
)

test('withRetry() accepts an object that was stored before the answer was lost', async () => {
  const inside = memoryStorage()
  const storage = retrying(inside, { after: failOnce('storage_unreachable') })
  assert.equal(await storage.put('data/00/a', body, keep, signal), 'exists')
  assert.deepEqual([...(await inside.get('data/00/a', {}, signal))], [...body])
})

test('withRetry() keeps an older object of that name though its first attempt failed', async () => {
  const inside = memoryStorage()
  await inside.put('data/00/a', Uint8Array.of(9), keep, signal)
  const storage = retrying(inside, { before: failOnce('storage_unreachable') })
  assert.equal(await storage.put('data/00/a', body, keep, signal), 'exists')
  assert.deepEqual([...(await inside.get('data/00/a', {}, signal))], [9])
})

test('withRetry() replaces again after the answer was lost', async () => {
  const inside = memoryStorage()
  const storage = retrying(inside, { after: failTimes(2, 'storage_unreachable') })
  assert.equal(await storage.put('data/00/a', body, { whenPresent: 'replace' }, signal), 'stored')
  assert.deepEqual([...(await inside.get('data/00/a', {}, signal))], [...body])
})

test('withRetry() gives up after attemptsMax, tells how many, and keeps the last failure as cause', async () => {
  let calls = 0
  const before = (): void => {
    calls += 1
    throw new Failure('storage_unreachable', `Cannot reach it: ${calls}`, { facts: { hint: 'Plug it in' } })
  }
  const storage = retrying(memoryStorage(), { before }, 4)
  await assert.rejects(storage.get('config', {}, signal), (error) => {
    assert.ok(error instanceof Failure)
    assert.equal(error.code, 'storage_unreachable')
    assert.equal(error.message, 'Cannot reach it: 4 (4 attempts)')
    assert.equal(error.facts['hint'], 'Plug it in')
    assert.ok(error.cause instanceof Failure)
    return true
  })
  assert.equal(calls, 4)
})

test('withRetry() does not try again what the failure table says is final, nor what is no Failure', async () => {
  for (const fault of [new Failure('storage_full', 'x'), new Failure('storage_denied', 'x'), new TypeError('x')]) {
    let calls = 0
    const before = (): void => {
      calls += 1
      throw fault
    }
    await assert.rejects(retrying(memoryStorage(), { before }).put('config', body, keep, signal), fault)
    await assert.rejects(Array.fromAsync(retrying(memoryStorage(), { before }).list('', signal)), fault)
    assert.equal(calls, 2)
  }
})

test('withRetry() waits twice as long each time up to its limit, give or take half', async () => {
  assert.deepEqual(await waitsWith(0.5), [100, 200, 400, 500, 500])
  assert.deepEqual(await waitsWith(0), [50, 100, 200, 250, 250])
})

test('withRetry() stops and announces no other attempt when the signal is aborted', async () => {
  for (const code of ['storage_unreachable', 'stopped'] as const) {
    const controller = new AbortController()
    let calls = 0
    const before = (): void => {
      calls += 1
      controller.abort()
      throw new Failure(code, 'x')
    }
    const storage = withRetry(faultStorage(memoryStorage(), { before }), {
      clock: fakeClock(new Date(0)),
      random: () => 0.5,
      onRetry: () => assert.fail('there is to be no other attempt'),
    })
    await assert.rejects(storage.remove('config', controller.signal), { code: 'stopped' })
    assert.equal(calls, 1)
  }
})

test('withRetry() does not go on with a call that its storage was told to stop', async () => {
  const storage = retrying(memoryStorage(), { before: failOnce('stopped') })
  await assert.rejects(storage.size('config', signal), { code: 'stopped' })
})

test('withRetry() names each object once though its listing breaks again and again', async () => {
  const inside = memoryStorage()
  for (let at = 0; at < 8; at++) await inside.put(`index/${at}`, body, keep, signal)
  let breaks = 0
  let named = 0
  const duringList = (): void => {
    // Each attempt gets one object further than the one before: more breaks than attempts, but never in one place.
    named += 1
    if (named <= breaks) return
    breaks += 1
    named = 0
    throw new Failure('storage_unreachable', 'x')
  }
  const storage = retrying(inside, { duringList }, 2)
  const names = (await Array.fromAsync(storage.list('index/', signal))).map(({ objectName }) => objectName)
  assert.deepEqual(
    names,
    [0, 1, 2, 3, 4, 5, 6, 7].map((at) => `index/${at}`),
  )
  assert.equal(breaks, 8)
})

test('withRetry() gives a listing up that gets no further', async () => {
  const inside = memoryStorage()
  for (let at = 0; at < 8; at++) await inside.put(`index/${at}`, body, keep, signal)
  const storage = retrying(inside, { duringList: failEvery(4, 'storage_unreachable') }, 3)
  await assert.rejects(Array.fromAsync(storage.list('index/', signal)), { code: 'storage_unreachable' })
})

test('withRetry() puts once more when only some attempts store', async () => {
  const inside = memoryStorage()
  const storage = retrying(inside, { before: failTimes(2, 'storage_unreachable', isPut) })
  assert.equal(await storage.put('config', body, keep, signal), 'stored')
  assert.equal(await inside.size('config', signal), 4)
})

async function waitsWith(random: number): Promise<number[]> {
  const waits: number[] = []
  const storage = withRetry(faultStorage(memoryStorage(), { before: failTimes(5, 'storage_unreachable') }), {
    clock: fakeClock(new Date(0)),
    random: () => random,
    attemptsMax: 6,
    firstWaitMs: 100,
    waitMsMax: 500,
    onRetry: (failure, waitMs) => {
      assert.equal(failure.code, 'storage_unreachable')
      waits.push(waitMs)
    },
  })
  await storage.size('config', signal)
  return waits
}

test('withRetry() makes a put() again that failed before its body was given back, and none that failed after', async () => {
  for (const faults of [{ before: failOnce('storage_unreachable') }, { after: failOnce('storage_unreachable') }]) {
    const inside = memoryStorage()
    const ours = Uint8Array.from(body)
    let calls = 0
    const onBodyRead = (): void => {
      calls++
      ours.fill(0)
    }
    const putting = retrying(inside, faults).put('data/00/a', ours, { ...keep, onBodyRead }, signal)
    if ('before' in faults) assert.equal(await putting, 'stored')
    else await assert.rejects(putting, { code: 'storage_unreachable' })
    assert.equal(calls, 1)
    assert.deepEqual([...(await inside.get('data/00/a', {}, signal))], [...body])
  }
})

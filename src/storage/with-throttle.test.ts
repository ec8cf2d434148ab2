import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neverStopped } from '../base/abort.ts'
import { fakeClock } from '../base/clock.ts'
import type { Clock } from '../base/clock.ts'
import { memoryStorage } from './memory/memory-storage.ts'
import { storageContract } from './storage.contract.ts'
import { withThrottle } from './with-throttle.ts'

storageContract('withThrottle()', async () =>
  withThrottle(memoryStorage(), fakeClock(new Date(0)), { uploadBytesPerSecond: 1000, downloadBytesPerSecond: 1000 }),
)

const signal = neverStopped()
const keep = { whenPresent: 'keep' } as const

test('withThrottle() gives each body its time before the next one goes', async () => {
  const clock = fakeClock(new Date(0))
  const storage = withThrottle(memoryStorage(), clock, { uploadBytesPerSecond: 1000 })
  await storage.put('index/1', new Uint8Array(500), keep, signal)
  assert.equal(clock.monotonicMs(), 0)
  await storage.put('index/2', new Uint8Array(2000), keep, signal)
  assert.equal(clock.monotonicMs(), 500)
  await storage.put('index/3', new Uint8Array(1), keep, signal)
  assert.equal(clock.monotonicMs(), 2500)
  await storage.get('index/2', {}, signal)
  await storage.get('index/2', {}, signal)
  assert.equal(clock.monotonicMs(), 2500) // Reading has no limit here.
})

test('withThrottle() counts what get() answered, ranges and whole objects alike', async () => {
  const clock = fakeClock(new Date(0))
  const inside = memoryStorage()
  await inside.put('index/1', new Uint8Array(4000), keep, signal)
  const storage = withThrottle(inside, clock, { downloadBytesPerSecond: 1000 })
  await storage.get('index/1', {}, signal)
  assert.equal(clock.monotonicMs(), 0)
  await storage.get('index/1', { range: { offset: 0, length: 1500 } }, signal)
  assert.equal(clock.monotonicMs(), 4000)
  await storage.get('index/1', {}, signal)
  assert.equal(clock.monotonicMs(), 5500)
})

test('withThrottle() lets time that has passed count', async () => {
  const clock = fakeClock(new Date(0))
  const storage = withThrottle(memoryStorage(), clock, { uploadBytesPerSecond: 1000 })
  await storage.put('index/1', new Uint8Array(500), keep, signal)
  clock.advance(10_000)
  await storage.put('index/2', new Uint8Array(500), keep, signal)
  await storage.put('index/3', new Uint8Array(500), keep, signal)
  assert.equal(clock.monotonicMs(), 10_500)
})

test('withThrottle() lines overlapping calls up one behind the other', async () => {
  const waits: number[] = []
  const clock: Clock = {
    now: () => new Date(0),
    monotonicMs: () => 0,
    sleep: async (ms) => {
      waits.push(ms)
    },
  }
  const storage = withThrottle(memoryStorage(), clock, { uploadBytesPerSecond: 1000 })
  await Promise.all([1, 2, 3, 4].map((at) => storage.put(`index/${at}`, new Uint8Array(1000), keep, signal)))
  assert.deepEqual(waits, [1000, 2000, 3000])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type SpanSlot, SpanSlots } from './span-slots.ts'

test('SpanSlots hands out places that do not overlap, in the memory of the worker that they name', () => {
  const slots = new SpanSlots({ workers: 2, slotsPerWorker: 3, slotBytes: 1000 })
  assert.equal(slots.count, 6)
  assert.equal(slots.memories.length, 2)
  const taken: SpanSlot[] = []
  for (let slot = 0; slot < 6; slot++) {
    void slots.with(0, (one) => {
      taken.push(one)
      return new Promise(() => {})
    })
  }
  assert.equal(taken.length, 6)
  for (const [number, { bytes }] of taken.entries()) {
    assert.equal(bytes.length, 1000)
    bytes.fill(number + 1)
  }
  for (const [number, { bytes, at, workerIndex }] of taken.entries()) {
    const seen = new Uint8Array(slots.memories[workerIndex]!.memory.buffer, at, 1000)
    assert.ok(seen.every((byte) => byte === number + 1))
    assert.equal(bytes.buffer, slots.memories[workerIndex]!.memory.buffer)
  }
})

test('SpanSlots.with() waits until there is a free one, in order, and gives it back after a failure too', async () => {
  const slots = new SpanSlots({ workers: 1, slotsPerWorker: 2, slotBytes: 100 })
  let busy = 0
  const begun: number[] = []
  const use = async (number: number): Promise<void> =>
    slots.with(0, async () => {
      begun.push(number)
      busy++
      assert.ok(busy <= 2)
      await new Promise((resolve) => setImmediate(resolve))
      busy--
      if (number % 3 === 0) throw new Error('on purpose')
    })
  const ends = await Promise.allSettled(Array.from({ length: 20 }, (_, number) => use(number)))
  assert.deepEqual(
    ends.map(({ status }) => status),
    ends.map((_, number) => (number % 3 === 0 ? 'rejected' : 'fulfilled')),
  )
  assert.deepEqual(
    begun,
    ends.map((_, number) => number),
  )
  assert.equal(await slots.with(0, async ({ at }) => at > 0), true)
  assert.equal(slots.count, 2)
})

test('SpanSlots.share() gives each group of files workers of its own while both are restored, and all of them to one that is alone', async () => {
  const slots = new SpanSlots({ workers: 2, slotsPerWorker: 3, slotBytes: 100 })
  const restore = async (group: 0 | 1, count: number): Promise<number[]> =>
    slots.share(group, async () => {
      await Promise.resolve() // It is planned first what is to be written.
      const workers: number[] = []
      const each = Array.from({ length: count }, () =>
        slots.with(group, async ({ workerIndex }) => {
          workers.push(workerIndex)
          await new Promise((resolve) => setImmediate(resolve))
        }),
      )
      await Promise.all(each)
      return workers
    })
  const alone = await restore(0, 6)
  assert.deepEqual(
    alone.toSorted((a, b) => a - b),
    [0, 0, 0, 1, 1, 1],
  )
  const [short, long] = await Promise.all([restore(1, 12), restore(0, 60)])
  assert.ok(short.every((worker) => worker === 1))
  assert.ok(long.slice(0, 10).every((worker) => worker === 0))
  assert.equal(new Set(long.slice(-30)).size, 2) // The other one has ended.

  const one = new SpanSlots({ workers: 1, slotsPerWorker: 2, slotBytes: 100 })
  const ends = [0, 1].map((group) => one.share(group, () => one.with(group, async ({ workerIndex }) => workerIndex)))
  assert.deepEqual(await Promise.all(ends), [0, 0])
})

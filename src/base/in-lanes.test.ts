import assert from 'node:assert/strict'
import test from 'node:test'
import { neverStopped } from './abort.ts'
import { isFailure } from './failure.ts'
import { inLanes } from './in-lanes.ts'

async function* breakingItems(): AsyncGenerator<number> {
  yield 0
  throw new Error('no more')
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('inLanes() does every item once, with no more lanes than it was given', async () => {
  const seen: number[] = []
  const busy = new Set<number>()
  const items = Array.from({ length: 50 }, (_, number) => number)
  await inLanes(items, 4, neverStopped(), async (item, lane) => {
    assert.equal(busy.has(lane), false)
    busy.add(lane)
    assert.ok(busy.size <= 4)
    await Promise.resolve()
    seen.push(item)
    busy.delete(lane)
  })
  assert.deepEqual(
    seen.toSorted((a, b) => a - b),
    items,
  )
})

test('inLanes() lets what is under way end after a failure, and begins nothing more', async () => {
  const begun: number[] = []
  const ended: number[] = []
  const work = async (item: number): Promise<void> => {
    begun.push(item)
    if (item === 1) throw new Error('broken')
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    ended.push(item)
  }
  await assert.rejects(inLanes([0, 1, 2, 3, 4, 5], 2, neverStopped(), work), /broken/)
  assert.deepEqual(begun, [0, 1])
  assert.deepEqual(ended, [0])
})

test('inLanes() stops with its signal', async () => {
  const controller = new AbortController()
  let done = 0
  const running = inLanes([1, 2, 3], 1, controller.signal, async () => {
    done++
    controller.abort()
  })
  await assert.rejects(running, (error) => isFailure(error, 'stopped'))
  assert.equal(done, 1)
})

test('inLanes() throws the first failure, when what runs has ended', async () => {
  const ended: number[] = []
  const work = async (item: number): Promise<void> => {
    await turn()
    if (item === 2) throw new Error('broken')
    await turn()
    if (item === 1) throw new Error('broken by the first')
    ended.push(item)
  }
  await assert.rejects(inLanes([0, 1, 2, 3, 4], 3, neverStopped(), work), { message: 'broken' })
  assert.deepEqual(ended, [0])
})

test('inLanes() does not begin an item that it waited for while another failed, and closes the items', async () => {
  const begun: number[] = []
  let isClosed = false
  async function* items(): AsyncGenerator<number> {
    try {
      yield 0
      await turn()
      await turn()
      yield 1
      yield 2
    } finally {
      isClosed = true
    }
  }
  const work = async (item: number): Promise<void> => {
    begun.push(item)
    throw new Error('broken')
  }
  await assert.rejects(inLanes(items(), 5, neverStopped(), work), { message: 'broken' })
  assert.deepEqual(begun, [0])
  assert.ok(isClosed)
})

test('inLanes() throws the failure of the items themselves, when what runs has ended', async () => {
  let ended = 0
  const work = async (): Promise<void> => {
    await turn()
    ended++
  }
  await assert.rejects(inLanes(breakingItems(), 5, neverStopped(), work), { message: 'no more' })
  assert.equal(ended, 1)
})

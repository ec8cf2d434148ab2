import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eachAtOnce } from './each-at-once.ts'

async function* breakingItems(): AsyncGenerator<number> {
  yield 0
  throw new Error('no more')
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('eachAtOnce() runs each once, in order, so many at the same time', async () => {
  const begun: number[] = []
  let running = 0
  let most = 0
  await eachAtOnce([...Array(20).keys()], 3, async (item) => {
    begun.push(item)
    most = Math.max(most, ++running)
    await turn()
    running--
  })
  assert.deepEqual(begun, [...Array(20).keys()])
  assert.equal(most, 3)
  assert.equal(running, 0)
})

test('eachAtOnce() begins nothing after a failure, and throws it when what runs has ended', async () => {
  const begun: number[] = []
  const ended: number[] = []
  const action = async (item: number): Promise<void> => {
    begun.push(item)
    await turn()
    if (item === 1) throw new Error('broken')
    if (item === 2) throw new Error('broken by the first')
    await turn()
    ended.push(item)
  }
  await assert.rejects(eachAtOnce([0, 1, 2, 3, 4], 3, action), { message: 'broken' })
  assert.deepEqual(begun, [0, 1, 2])
  assert.deepEqual(ended, [0])
})

test('eachAtOnce() does not begin an item that it waited for while another failed', async () => {
  const begun: number[] = []
  let isClosed = false
  async function* items(): AsyncGenerator<number> {
    try {
      yield 0
      await turn()
      await turn()
      yield 1
    } finally {
      isClosed = true
    }
  }
  const action = async (item: number): Promise<void> => {
    begun.push(item)
    throw new Error('broken')
  }
  await assert.rejects(eachAtOnce(items(), 5, action), { message: 'broken' })
  assert.deepEqual(begun, [0])
  assert.ok(isClosed)
})

test('eachAtOnce() throws the failure of the items themselves, when what runs has ended', async () => {
  let ended = 0
  const action = async (): Promise<void> => {
    await turn()
    ended++
  }
  await assert.rejects(eachAtOnce(breakingItems(), 5, action), { message: 'no more' })
  assert.equal(ended, 1)
})

import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'
import { eachAtOnce } from './each-at-once.ts'

test('eachAtOnce() runs all, in their order, at most so many at the same time', async () => {
  const begun: number[] = []
  let running = 0
  let most = 0
  await eachAtOnce([1, 2, 3, 4, 5], 2, async (item) => {
    begun.push(item)
    most = Math.max(most, ++running)
    for (let turn = 0; turn < 6 - item; turn++) await setImmediate()
    running--
  })
  assert.deepEqual(begun, [1, 2, 3, 4, 5])
  assert.equal(most, 2)
  assert.equal(running, 0)
})

test('eachAtOnce() begins nothing after a failure, waits for what runs, and throws the first one', async () => {
  const begun: number[] = []
  let ended = false
  let closed = false
  async function* items(): AsyncGenerator<number> {
    try {
      for (let item = 0; ; item++) {
        yield item
        await setImmediate()
      }
    } finally {
      closed = true
    }
  }
  await assert.rejects(
    eachAtOnce(items(), 3, async (item) => {
      begun.push(item)
      if (item === 1) throw new Error('first')
      for (let turn = 0; turn < 10; turn++) await setImmediate()
      ended = true
      throw new Error('later')
    }),
    /first/,
  )
  assert.ok(begun.length <= 3, `${begun.length}`)
  assert.equal(ended, true)
  assert.equal(closed, true)
})

async function* breakingOff(): AsyncGenerator<number> {
  yield 1
  throw new Error('no more')
}

test('eachAtOnce() throws what the items throw, once what runs has ended', async () => {
  let ended = false
  const work = eachAtOnce(breakingOff(), 2, async () => {
    for (let turn = 0; turn < 5; turn++) await setImmediate()
    ended = true
  })
  await assert.rejects(work, /no more/)
  assert.equal(ended, true)
})

import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'
import { JobQueue } from './job-queue.ts'

test('JobQueue runs at most so many jobs at once, the newest first, and those that jobs add', async () => {
  const queue = new JobQueue(2)
  const order: string[] = []
  let running = 0
  let most = 0
  const job =
    (name: string, below: string[] = []) =>
    async (): Promise<void> => {
      order.push(name)
      most = Math.max(most, ++running)
      await setImmediate()
      for (const each of below) queue.add(job(each))
      running--
    }
  queue.add(job('a', ['a1', 'a2']))
  queue.add(job('b'))
  queue.add(job('c'))
  queue.add(job('d'))
  await queue.finished()
  assert.equal(most, 2)
  assert.deepEqual(order.slice(0, 2), ['a', 'b'])
  assert.ok(order.indexOf('d') < order.indexOf('c'))
  assert.deepEqual(order.toSorted(), ['a', 'a1', 'a2', 'b', 'c', 'd'])
})

test('JobQueue.finished() resolves at once where nothing was added', async () => {
  await new JobQueue(1).finished()
})

test('JobQueue.finished() throws the first failure once nothing runs, and begins nothing after it', async () => {
  const queue = new JobQueue(2)
  const begun: string[] = []
  let ended = false
  queue.add(async () => {
    for (let turn = 0; turn < 5; turn++) await setImmediate()
    ended = true
    throw new Error('second')
  })
  queue.add(async () => {
    await setImmediate()
    throw new Error('first')
  })
  queue.add(async () => void begun.push('never'))
  await assert.rejects(queue.finished(), /first/)
  assert.equal(ended, true)
  queue.add(async () => void begun.push('late'))
  await setImmediate()
  assert.deepEqual(begun, [])
})

test('JobQueue.finished() tells a failure that came before anybody waited', async () => {
  const queue = new JobQueue(1)
  queue.add(() => Promise.reject(new Error('early')))
  for (let turn = 0; turn < 3; turn++) await setImmediate()
  await assert.rejects(queue.finished(), /early/)
})

test('JobQueue does a long chain of jobs, each added by the one before', async () => {
  const queue = new JobQueue(3)
  let done = 0
  const next = async (): Promise<void> => {
    if (++done < 20_000) queue.add(next)
  }
  queue.add(next)
  await queue.finished()
  assert.equal(done, 20_000)
})

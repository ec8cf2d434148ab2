import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../base/failure.ts'
import { EarlyThreads } from './early-threads.ts'
import type { TestJob } from './worker-pool.test-worker.ts'
import { WorkerPool, workerUrl } from './worker-pool.ts'

const url = workerUrl(import.meta.url, './worker-pool.test-worker')

test('a WorkerPool takes early threads over, tells them their data, and starts more where they do not suffice', async () => {
  await using early = new EarlyThreads(url, 1)
  const options = { workerUrl: url, workerData: undefined, workersMax: 2, early }
  await using pool = new WorkerPool<TestJob, unknown>({ ...options, workerDataOf: (index) => `data of ${index}` })
  for (const workerIndex of [1, 0]) {
    assert.equal(await pool.run({ kind: 'data' }, [], { workerIndex }), `data of ${workerIndex}`)
    assert.equal(await pool.run({ kind: 'index' }, [], { workerIndex }), workerIndex)
  }
  assert.equal(early.take(), undefined)
})

test('EarlyThreads ends the threads that no pool took', async () => {
  const early = new EarlyThreads(url, 2)
  const taken = early.take()!
  const ended: string[] = []
  taken.worker.on('exit', () => ended.push('taken'))
  const left = early.take()!
  left.worker.on('exit', () => ended.push('left'))
  await early[Symbol.asyncDispose]()
  assert.deepEqual(ended, [])
  await Promise.all([taken.worker.terminate(), left.worker.terminate()])

  const other = new EarlyThreads(url, 64)
  await other[Symbol.asyncDispose]()
  assert.equal(other.take(), undefined)
})

test('a WorkerPool fails where an early thread has ended before it', async () => {
  await using early = new EarlyThreads(new URL('./not-there.ts', import.meta.url), 1)
  const thread = { take: () => waiting }
  const waiting = early.take()!
  await waiting.loaded
  const options = { workerUrl: url, workerData: undefined, workersMax: 1, early: thread as unknown as EarlyThreads }
  await using pool = new WorkerPool<TestJob, unknown>(options)
  await assert.rejects(pool.run({ kind: 'index' }), (error) => isFailure(error, 'defect'))
})

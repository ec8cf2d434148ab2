import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../base/failure.ts'
import type { TestJob } from './worker-pool.test-worker.ts'
import { WorkerPool, workerUrl } from './worker-pool.ts'
import type { WorkerPoolOptions } from './worker-pool.ts'

function openPool(options: Partial<WorkerPoolOptions> = {}): WorkerPool<TestJob, unknown> {
  const url = workerUrl(import.meta.url, './worker-pool.test-worker')
  return new WorkerPool({ workerUrl: url, workerData: { shared: 'data' }, workersMax: 2, ...options })
}

/** A flag that jobs of kind 'wait' wait for. */
function flag(): { buffer: SharedArrayBuffer; raise: () => void } {
  const buffer = new SharedArrayBuffer(4)
  const raise = (): void => {
    Atomics.store(new Int32Array(buffer), 0, 1)
    Atomics.notify(new Int32Array(buffer), 0)
  }
  return { buffer, raise }
}

test('run() answers every job with its own answer', async () => {
  await using pool = openPool()
  const values = Array.from({ length: 50 }, (_, value) => ({ value, bytes: Buffer.from([value]) }))
  const answers = await Promise.all(values.map((value) => pool.run({ kind: 'echo', value })))
  assert.deepEqual(
    answers.map((answer) => (answer as { value: number }).value),
    values.map(({ value }) => value),
  )
})

test('run() throws the Failure of the handler with code, message, facts and cause', async () => {
  await using pool = openPool()
  await assert.rejects(pool.run({ kind: 'fail', code: 'storage_full', message: 'Cannot store' }), (error) => {
    assert.ok(isFailure(error, 'storage_full'))
    assert.equal(error.message, 'Cannot store')
    assert.deepEqual({ ...error.facts }, { bytes: 7 })
    assert.equal((error.cause as Error).message, 'the cause')
    return true
  })
  assert.equal(await pool.run({ kind: 'echo', value: 1 }), 1)
})

test('run() throws a defect for what is no Failure, and the worker lives on', async () => {
  await using pool = openPool({ workersMax: 1 })
  await assert.rejects(
    pool.run({ kind: 'throw', message: 'odd' }),
    (error) => isFailure(error, 'defect') && error.message === 'odd',
  )
  assert.equal(await pool.run({ kind: 'echo', value: 2 }), 2)
})

for (const kind of ['die', 'crash'] as const) {
  test(`run() rejects every job, also later ones, when a worker meets its end (${kind})`, async () => {
    await using pool = openPool({ workersMax: 1, jobsPerWorkerMax: 1 })
    const jobs = [pool.run({ kind }), pool.run({ kind: 'echo', value: 1 })]
    const results = await Promise.allSettled(jobs)
    for (const result of results) assert.ok(result.status === 'rejected' && isFailure(result.reason, 'defect'))
    await assert.rejects(pool.run({ kind: 'echo', value: 2 }), (error) => isFailure(error, 'defect'))
    await assert.rejects(pool.ready(), (error) => isFailure(error, 'defect'))
  })
}

test('run() rejects when the worker module is not there', async () => {
  await using pool = openPool({ workerUrl: workerUrl(import.meta.url, './no-such-worker') })
  await assert.rejects(pool.run({ kind: 'index' }), (error) => isFailure(error, 'defect'))
})

test('run() spreads jobs over the workers and binds them to one where asked', async () => {
  await using pool = openPool({ jobsPerWorkerMax: 1 })
  const { buffer, raise } = flag()
  const waiting = [pool.run({ kind: 'wait', flag: buffer }), pool.run({ kind: 'wait', flag: buffer })]
  raise()
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set([0, 1]))
  for (const workerIndex of [1, 0, 1, 1]) {
    assert.equal(await pool.run({ kind: 'index' }, [], { workerIndex }), workerIndex)
  }
})

test('run() starts no more workers than are needed', async () => {
  await using pool = openPool({ workersMax: 8 })
  for (let round = 0; round < 5; round++) assert.equal(await pool.run({ kind: 'index' }), 0)
})

test('workerData reaches the workers, workerDataOf() gives each its own', async () => {
  await using same = openPool()
  assert.deepEqual(await same.run({ kind: 'data' }), { shared: 'data' })
  await using own = openPool({ workerDataOf: (workerIndex) => `for ${workerIndex}` })
  assert.equal(await own.run({ kind: 'data' }, [], { workerIndex: 1 }), 'for 1')
})

test('post() and onMessage carry messages both ways, before the answers that follow them', async () => {
  const messages: unknown[] = []
  await using pool = openPool({ onMessage: (workerIndex, message) => messages.push([workerIndex, message]) })
  pool.post(1, 'down')
  assert.equal(await pool.run({ kind: 'posted' }, [], { workerIndex: 1 }), 'down')
  assert.equal(await pool.run({ kind: 'post', value: 'up' }, [], { workerIndex: 1 }), 'sent')
  assert.deepEqual(messages, [[1, 'up']])
})

test('ready() waits until a worker has room', async () => {
  await using pool = openPool({ workersMax: 1, jobsPerWorkerMax: 2 })
  const first = flag()
  const second = flag()
  await pool.ready()
  const one = pool.run({ kind: 'wait', flag: first.buffer })
  await pool.ready()
  const two = pool.run({ kind: 'wait', flag: second.buffer })
  let isReady = false
  const ready = pool.ready().then(() => (isReady = true))
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(isReady, false)
  first.raise()
  await ready
  second.raise()
  await Promise.all([one, two])
})

test('ready() and run() reject at once when their signal is aborted', async () => {
  await using pool = openPool({ workersMax: 1, jobsPerWorkerMax: 1 })
  const { buffer, raise } = flag()
  const running = pool.run({ kind: 'wait', flag: buffer })
  const controller = new AbortController()
  const waits = [pool.ready(controller.signal), pool.run({ kind: 'echo', value: 1 }, [], { signal: controller.signal })]
  const settled = Promise.allSettled(waits)
  controller.abort()
  for (const result of await settled) assert.ok(result.status === 'rejected' && isFailure(result.reason, 'stopped'))
  await assert.rejects(pool.ready(controller.signal), (error) => isFailure(error, 'stopped'))
  raise()
  await running
  assert.equal(await pool.run({ kind: 'echo', value: 2 }), 2)
})

test('close() rejects what is not answered, and everything later', async () => {
  const pool = openPool({ workersMax: 1 })
  const { buffer } = flag()
  const running = assert.rejects(pool.run({ kind: 'wait', flag: buffer }), (error) => isFailure(error, 'stopped'))
  await pool.close()
  await running
  await assert.rejects(pool.run({ kind: 'index' }), (error) => isFailure(error, 'stopped'))
  await pool.close()
})

test('run() moves transferred buffers in both directions', async () => {
  await using pool = openPool()
  const value = new Uint8Array(16).fill(3)
  assert.deepEqual(await pool.run({ kind: 'echo', value }, [value.buffer]), new Uint8Array(16).fill(3))
  assert.equal(value.length, 0)
  assert.deepEqual(await pool.run({ kind: 'transfer' }), new Uint8Array(1024).fill(9))
})

test('run() rejects a job that can not be cloned, and the pool lives on', async () => {
  await using pool = openPool({ workersMax: 1, jobsPerWorkerMax: 1 })
  await assert.rejects(pool.run({ kind: 'echo', value: () => {} }), { name: 'DataCloneError' })
  assert.equal(await pool.run({ kind: 'echo', value: 3 }), 3)
})

test('workerUrl() keeps the extension of the module it stands beside', () => {
  assert.equal(workerUrl('file:///a/src/b.ts', './c/d').href, 'file:///a/src/c/d.ts')
  assert.equal(workerUrl('file:///a/dist/b.js', './c').href, 'file:///a/dist/c.js')
})

test('WorkerPool.close() lets workers that are still starting finish loading', async () => {
  for (let round = 0; round < 5; round++) {
    const pool = new WorkerPool<unknown, unknown>({
      workerUrl: new URL('./loading.test-worker.ts', import.meta.url),
      workerData: undefined,
      workersMax: 4,
    })
    pool.start()
    await pool.close() // An abort of the process is what this would fail by.
  }
})

test('serveJobs() sends answers together while jobs wait, each to its own job, failures and transfers among them', async () => {
  await using pool = openPool({ workersMax: 1, jobsPerWorkerMax: 8, workerData: { answersAtOnce: 3 } })
  for (const count of [1, 2, 3, 4, 8, 50]) {
    const jobs = Array.from({ length: count }, async (_, at) => {
      if (at % 5 === 2)
        return await pool.run({ kind: 'throw', message: `odd ${at}` }).catch((error: Error) => error.message)
      if (at % 5 === 3) return ((await pool.run({ kind: 'transfer' })) as Uint8Array).length
      return await pool.run({ kind: 'echo', value: at })
    })
    const expected = Array.from({ length: count }, (_, at) => (at % 5 === 2 ? `odd ${at}` : at % 5 === 3 ? 1024 : at))
    assert.deepEqual(await Promise.all(jobs), expected)
  }
})

test('serveJobs() keeps no answer back when no job waits', async () => {
  await using pool = openPool({ workersMax: 1, jobsPerWorkerMax: 8, workerData: { answersAtOnce: 100 } })
  const { buffer, raise } = flag()
  const first = pool.run({ kind: 'echo', value: 'first' })
  const last = first.then(() => pool.run({ kind: 'wait', flag: buffer }))
  assert.equal(await first, 'first')
  raise()
  assert.equal(await last, 0)
})

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { neverStopped } from '../base/abort.ts'
import { systemClock } from '../base/clock.ts'
import { Failure, isFailure } from '../base/failure.ts'
import type { DurableProcedure, DurableRuns } from './durable-runs.ts'

/** Opens an empty store for one test; what must be cleaned up is given to `context.after()`. */
export type MakeRuns = (context: TestContext) => Promise<DurableRuns>

const signal = neverStopped()

/** The promises of the DurableRuns seam that one process can see, which every implementation runs. */
export function durableRunsContract(name: string, make: MakeRuns): void {
  const promise = (what: string, check: (runs: DurableRuns) => Promise<void>): void => {
    test(`${name} ${what}`, async (context) => {
      await using runs = await make(context)
      await check(runs)
    })
  }
  promisesOfRuns(promise)
  promisesOfSteps(promise)
}

type Promises = (what: string, check: (runs: DurableRuns) => Promise<void>) => void

const run = { key: 'due-1', procedure: 'count', input: { sources: ['a', 'b'], dueAt: null } } as const

function promisesOfRuns(promise: Promises): void {
  promise('start() takes a key once, even after its run has ended', async (runs) => {
    assert.equal(await runs.start(run), 'started')
    assert.equal(await runs.start({ ...run, input: 'other' }), 'known')
    const inputs: unknown[] = []
    const count: DurableProcedure = async (input) => {
      inputs.push(input)
      return 'counted'
    }
    assert.deepEqual(await runs.workOne({ count }, signal), { ...run, state: 'done', result: 'counted' })
    assert.equal(await runs.start(run), 'known')
    assert.equal(await runs.workOne({ count }, signal), undefined)
    assert.deepEqual(inputs, [run.input])
  })

  promise('workOne() does the oldest run first, each once', async (runs) => {
    const keys = ['c', 'a', 'b']
    for (const key of keys) {
      await runs.start({ ...run, key, input: key })
      await systemClock.sleep(2, signal) // Their order is that of their milliseconds.
    }
    const done: unknown[] = []
    const count: DurableProcedure = async (input) => {
      done.push(input)
      return null
    }
    for (const key of keys) assert.equal((await runs.workOne({ count }, signal))?.key, key)
    assert.equal(await runs.workOne({ count }, signal), undefined)
    assert.deepEqual(done, keys)
  })

  promise('workOne() ends a run whose procedure throws as failed, for good', async (runs) => {
    await runs.start(run)
    const failure = new Failure('storage_full', 'Cannot write: no room')
    const count: DurableProcedure = async (_input, step) => await step('write', () => Promise.reject(failure))
    const end = await runs.workOne({ count }, signal)
    assert.deepEqual(end, { ...run, state: 'failed', error: failure })
    assert.equal(await runs.workOne({ count }, signal), undefined)
  })

  promise('workOne() ends a run of a procedure that it does not know as failed', async (runs) => {
    await runs.start({ ...run, procedure: 'toString' })
    const end = await runs.workOne({}, signal)
    assert.ok(end?.state === 'failed' && isFailure(end.error, 'unsupported'))
  })
}

function promisesOfSteps(promise: Promises): void {
  promise('a step answers what JSON brings back, at first as later', async (runs) => {
    await runs.start(run)
    const seen: unknown[] = []
    const stop = new AbortController()
    const count: DurableProcedure = async (_input, step, stopped) => {
      seen.push(await step('object', async () => ({ at: new Date(0), nothing: undefined })))
      seen.push(await step('undefined', async () => undefined))
      seen.push(await step('null', async () => null))
      if (!stop.signal.aborted) stop.abort()
      stopped.throwIfAborted()
      return null
    }
    await assert.rejects(runs.workOne({ count }, stop.signal), (error) => isFailure(error, 'stopped'))
    await runs.workOne({ count }, signal)
    const once = [{ at: '1970-01-01T00:00:00.000Z' }, undefined, null]
    assert.deepEqual(seen, [...once, ...once])
  })

  promise('a run that was stopped goes on at the step in which it was', async (runs) => {
    await runs.start(run)
    const stop = new AbortController()
    const began: string[] = []
    const count: DurableProcedure = async (_input, step) => {
      for (const name of ['one', 'two', 'three']) {
        await step(name, async (stepSignal) => {
          began.push(name)
          if (name !== 'two' || began.filter((one) => one === 'two').length > 1) return
          stop.abort()
          stepSignal.throwIfAborted()
        })
      }
      return began.length
    }
    await assert.rejects(runs.workOne({ count }, stop.signal), (error) => isFailure(error, 'stopped'))
    await assert.rejects(runs.workOne({ count }, stop.signal), (error) => isFailure(error, 'stopped'))
    assert.deepEqual(began, ['one', 'two'])
    assert.deepEqual(await runs.workOne({ count }, signal), { ...run, state: 'done', result: 4 })
    assert.deepEqual(began, ['one', 'two', 'two', 'three'])
  })

  promise('a step that failed may be survived by its procedure', async (runs) => {
    await runs.start(run)
    assert.deepEqual(await runs.workOne({ count: survive }, signal), { ...run, state: 'done', result: 'Error: no' })
  })

  promise('a second step of one name is a defect', async (runs) => {
    await runs.start(run)
    const end = await runs.workOne({ count: repeatName }, signal)
    assert.ok(end?.state === 'failed' && isFailure(end.error, 'defect'))
  })
}

const survive: DurableProcedure = async (_input, step) => {
  const first = await step('one', () => Promise.reject(new Error('no'))).catch((error: unknown) => String(error))
  return await step('two', async () => first)
}

const repeatName: DurableProcedure = async (_input, step) => {
  await step('one', async () => null)
  return await step('one', async () => null)
}

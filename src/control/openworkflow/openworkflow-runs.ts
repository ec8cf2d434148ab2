import { join } from 'node:path'
import type { WorkflowRun } from 'openworkflow/internal'
import type { Clock } from '../../base/clock.ts'
import { throwIfStopped } from '../../base/abort.ts'
import { errorMessage } from '../../base/error-message.ts'
import { Failure } from '../../base/failure.ts'
import type { StepResult } from '../../procedures/step-runner.ts'
import {
  deathsMax,
  type DurableEnd,
  type DurableProcedure,
  type DurableRun,
  type DurableRuns,
} from '../durable-runs.ts'
import { requireProcedure } from '../require-procedure.ts'
import { rememberedSteps, type StepMemory } from '../run-steps.ts'
import { openRunsDatabase, type RunsDatabase } from './runs-database.ts'
import { runsFailure } from './runs-failure.ts'
import { takeRunsLock } from './runs-lock.ts'

/**
 * Durable runs in OpenWorkflow's SQLite tables, `runs.sqlite` in a folder of this machine. Of OpenWorkflow this uses the
 * store (runs, claims, step attempts), not its worker, which polls, can not be stopped within a step, and lets a run be
 * taken over from a process that only sleeps. Here the process that has the folder's lock is the one worker.
 *
 * Failure `refused` where another process has the folder open.
 */
export async function openOpenworkflowRuns(folder: string, clock: Pick<Clock, 'now'>): Promise<DurableRuns> {
  const path = join(folder, 'runs.sqlite')
  await using opened = new AsyncDisposableStack()
  try {
    opened.use(takeRunsLock(join(folder, 'runs.lock')))
    const database = await openRunsDatabase(path)
    opened.defer(() => database.close())
    database.sweep(clock.now())
    return new OpenworkflowRuns(path, database, clock, opened.move())
  } catch (error) {
    throw runsFailure(error, 'open', path)
  }
}

/** One process works at a time, so one name does for all. */
const workerId = 'service'

/**
 * A lease that ended long ago. What keeps others away is the lock; so a run whose process died is taken up at once, and
 * a clock that is put back holds nothing up.
 */
const leaseDurationMs = -1e12
const longAgo = new Date(0)

/** The most steps that a run may have; ours have one for each source and a few more. */
const stepsMax = 10_000

class OpenworkflowRuns implements DurableRuns {
  readonly #path: string
  readonly #database: RunsDatabase
  readonly #clock: Pick<Clock, 'now'>
  readonly #held: AsyncDisposableStack

  constructor(path: string, database: RunsDatabase, clock: Pick<Clock, 'now'>, held: AsyncDisposableStack) {
    this.#path = path
    this.#database = database
    this.#clock = clock
    this.#held = held
  }

  async start({ key, procedure, input }: DurableRun): Promise<'started' | 'known'> {
    return await this.#stored('start', async () => {
      if (this.#database.isKnown(key)) return 'known'
      await this.#database.backend.createWorkflowRun({
        workflowName: procedure,
        version: null,
        idempotencyKey: key,
        config: {},
        context: null,
        input: input as Json,
        parentStepAttemptNamespaceId: null,
        parentStepAttemptId: null,
        availableAt: longAgo,
        deadlineAt: null,
      })
      return 'started'
    })
  }

  async workOne(
    procedures: Readonly<Record<string, DurableProcedure>>,
    signal: AbortSignal,
  ): Promise<DurableEnd | undefined> {
    throwIfStopped(signal)
    const { backend } = this.#database
    const claimed = await this.#stored('take up', () => backend.claimWorkflowRun({ workerId, leaseDurationMs }))
    if (claimed === null) return undefined
    const run = { key: claimed.idempotencyKey ?? claimed.id, procedure: claimed.workflowName, input: claimed.input }
    if (claimed.attempts > deathsMax) return await this.#fail(claimed, run, givenUp(run))
    const memory = await this.#stepsOf(claimed)
    let result: StepResult
    try {
      const work = requireProcedure(procedures, run)
      result = await work(run.input, rememberedSteps(memory, signal), signal)
    } catch (error) {
      // Its steps are on disk: the next call goes on with the one that was stopped, here or in a later process.
      if (signal.aborted)
        throw new Failure('stopped', `The run "${run.key}" was stopped; it goes on later`, { cause: error })
      // A step whose end could not be written is no fault of the procedure: the run stays as it is.
      if (memory.fault !== undefined) throw memory.fault
      return await this.#fail(claimed, run, error)
    }
    const output = toJson(result)
    await this.#stored('end', () => backend.completeWorkflowRun({ workflowRunId: claimed.id, workerId, output }))
    this.#database.sweep(this.#clock.now())
    return { ...run, state: 'done', result: output }
  }

  async close(): Promise<void> {
    await this.#held.disposeAsync()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #fail({ id }: WorkflowRun, run: DurableRun, error: unknown): Promise<DurableEnd> {
    const once = { initialInterval: '1s', backoffCoefficient: 1, maximumInterval: '1s', maximumAttempts: 1 } as const
    await this.#stored('end', () =>
      this.#database.backend.failWorkflowRun({
        workflowRunId: id,
        workerId,
        error: { message: errorMessage(error) },
        retryPolicy: once,
        attempts: 1,
        deadlineAt: null,
      }),
    )
    return { ...run, state: 'failed', error }
  }

  async #stepsOf({ id }: WorkflowRun): Promise<StepMemory & { readonly fault: Failure | undefined }> {
    const { backend } = this.#database
    const { data } = await this.#stored('read', () => backend.listStepAttempts({ workflowRunId: id, limit: stepsMax }))
    const ended = new Map(
      data.filter(({ status }) => status === 'completed').map(({ stepName, output }) => [stepName, output]),
    )
    const attempts = new Map<string, string>()
    let fault: Failure | undefined
    const stored = async <Answer>(call: () => Promise<Answer>): Promise<Answer> => {
      try {
        return await this.#stored('write', call)
      } catch (error) {
        if (error instanceof Failure) fault ??= error
        throw error
      }
    }
    return {
      get fault() {
        return fault
      },
      recall: (name) => {
        const output = ended.get(name)
        return output === undefined ? undefined : JSON.stringify(output)
      },
      begin: async (stepName) => {
        const attempt = { workflowRunId: id, workerId, stepName, kind: 'function', config: {}, context: null } as const
        attempts.set(stepName, (await stored(() => backend.createStepAttempt(attempt))).id)
      },
      // The commit point of a step: a crash before it has the step done again, one after it does not.
      end: async (stepName, result) => {
        const attempt = { workflowRunId: id, workerId, stepAttemptId: attempts.get(stepName)! }
        await stored(() => backend.completeStepAttempt({ ...attempt, output: JSON.parse(result) as Json }))
      },
    }
  }

  async #stored<Answer>(verb: string, call: () => Promise<Answer>): Promise<Answer> {
    try {
      return await call()
    } catch (error) {
      throw runsFailure(error, verb, this.#path)
    }
  }
}

type Json = Parameters<RunsDatabase['backend']['completeStepAttempt']>[0]['output']

function toJson(result: StepResult | undefined): NonNullable<Json> {
  return JSON.parse(JSON.stringify(result ?? null)) as NonNullable<Json>
}

function givenUp({ key }: DurableRun): Failure {
  return new Failure(
    'defect',
    `Cannot finish the run "${key}": it was taken up ${deathsMax} times and ended with its process each time`,
  )
}

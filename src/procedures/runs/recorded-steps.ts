import { errorMessage } from '../../base/error-message.ts'
import { isFailure } from '../../base/failure.ts'
import type { Installation } from '../installation.ts'
import type { StepRunner } from '../step-runner.ts'

/** Where the steps of a run are put on record. */
export type StepRecord = Pick<Installation, 'catalog' | 'clock' | 'process'>

/**
 * The same steps, each of them in the evidence ledger: when it began, how it ended, how long it took and what it answered. A
 * step that is remembered from before a crash is not done again, and so not told again.
 */
export function recordedSteps(record: StepRecord, run: string, step: StepRunner): StepRunner {
  return (name, work) =>
    step(name, async (signal) => {
      const { clock } = record
      const beginMs = clock.monotonicMs()
      await note(record, run, { step: name, state: 'begun' })
      try {
        const result = await work(signal)
        await note(record, run, { step: name, state: 'done', durationMs: since(clock, beginMs), result })
        return result
      } catch (error) {
        const failure = isFailure(error) ? error.code : 'defect'
        const facts = { durationMs: since(clock, beginMs), failure, message: errorMessage(error) }
        await note(record, run, { step: name, state: 'failed', ...facts })
        throw error
      }
    })
}

function since(clock: StepRecord['clock'], beginMs: number): number {
  return Math.round(clock.monotonicMs() - beginMs)
}

async function note(
  { catalog, clock, process }: StepRecord,
  run: string,
  facts: Readonly<Record<string, unknown>>,
): Promise<void> {
  const actor = `process ${process.processId} of ${process.host}`
  await catalog.addEvidence({ at: clock.now(), kind: 'step', actor, facts: { run, ...facts } })
}

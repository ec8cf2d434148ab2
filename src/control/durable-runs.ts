import type { StepResult, StepRunner } from '../procedures/step-runner.ts'

/** Work that is put on record before it is done, so that it is finished even if this process dies. */
export interface DurableRun {
  /** Unique: a run of one key is started once. */
  readonly key: string
  /** The name of the procedure that does it. */
  readonly procedure: string
  /** Plain JSON. */
  readonly input: StepResult
}

/** Does a run by steps. It decides between its steps and does nothing else there, since it runs again after a crash. */
export type DurableProcedure = (input: StepResult, step: StepRunner, signal: AbortSignal) => Promise<StepResult>

export type DurableEnd = DurableRun &
  ({ readonly state: 'done'; readonly result: StepResult } | { readonly state: 'failed'; readonly error: unknown })

/**
 * Seam: runs that outlive the process which does them. An implementation must give: a run that was started is on disk
 * before start() resolves; a step that ended is not done again, whatever happens to the process afterwards; the step
 * during which the process died is done again; a run ends once; one process at a time has a store open, dead ones and
 * suspended ones included. What a step answers is seen by the procedure as JSON would bring it back, at first as later.
 * It need not give: runs at the same time, or memory of runs that ended more than a month ago.
 */
export interface DurableRuns extends AsyncDisposable {
  /** `known` where a run of this key was started before. */
  start(run: DurableRun): Promise<'started' | 'known'>
  /**
   * Does one run that has not ended, the oldest first, to its end; undefined where there is none. A procedure that throws
   * ends its run as failed, for good. A run that took its process with it `deathsMax` times is given up as failed.
   *
   * Rejects with Failure `stopped` when the signal is aborted; the run goes on at its step with the next call.
   */
  workOne(procedures: Readonly<Record<string, DurableProcedure>>, signal: AbortSignal): Promise<DurableEnd | undefined>
  /** Waits for nothing; the caller has no workOne() under way. */
  close(): Promise<void>
}

/** So often is a run taken up again that did not end. More would keep all others waiting for one that kills the program. */
export const deathsMax = 10

import type { EvidenceEntry } from '../evidence/evidence-entry.ts'

/** What is on record of one step of a run: its last try. */
export interface StepState {
  readonly step: string
  readonly state: 'begun' | 'done' | 'failed'
  /** When it began, the last time. */
  readonly at: Date
  readonly durationMs: number | undefined
  readonly message: string | undefined
  /** What it answered; of a step that is done. */
  readonly result: unknown
}

/**
 * The steps of a run from the entries of the ledger, in the order in which they were first begun. `runs`: the ids of the run
 * and of its further tries. One that was begun and did not end was under way when its process died.
 */
export function stepHistory(entries: readonly EvidenceEntry[], runs: ReadonlySet<string>): StepState[] {
  const steps = new Map<string, StepState>()
  for (const { kind, at, facts } of entries) {
    const { run, step, state } = facts
    if (kind !== 'step' || typeof run !== 'string' || !runs.has(run) || typeof step !== 'string') continue
    if (state !== 'begun' && state !== 'done' && state !== 'failed') continue
    const before = steps.get(step)
    const began = state === 'begun' ? at : (before?.at ?? at)
    const { durationMs, message, result } = facts
    steps.set(step, {
      step,
      state,
      at: began,
      durationMs: typeof durationMs === 'number' ? durationMs : undefined,
      message: typeof message === 'string' ? message : undefined,
      result,
    })
  }
  return [...steps.values()]
}

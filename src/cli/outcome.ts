import type { ExitCode } from './exit-codes.ts'

/**
 * How a command ended that did not fail: done; done with gaps (what it made is valid and lacks what it named); or
 * it found damage, or could not prove what it was to prove; or a part of it failed, and was told.
 */
export const outcomes = ['done', 'gaps', 'damaged', 'failed'] as const
export type Outcome = (typeof outcomes)[number]

export const outcomeCodes = { done: 0, gaps: 3, damaged: 5, failed: 1 } as const satisfies Record<Outcome, ExitCode>

/** A command that ran another one ends with the exit code of that one, whatever it is. */
export interface CommandExit {
  readonly exitCode: number
}

import type { Installation, Watch } from '../installation.ts'
import type { StepResult } from '../step-runner.ts'

/** What a procedure works with besides its order. */
export interface ProcedureContext {
  readonly installation: Installation
  /** The run's name, the same for all its tries: what is moved aside bears it. */
  readonly id: string
  /** This try of it, under which proofs are recorded. */
  readonly run: string
  readonly watch: Watch
}

/** What a procedure came to, all steps done. Plain JSON. */
export interface ProcedureOutcome {
  /** Whether it proved what it is to prove: exit 0, else 5. */
  readonly isProven: boolean
  readonly summary: string
  /** What is not as it should be, a sentence each. */
  readonly gaps: readonly string[]
  /** For --json. */
  readonly facts: { readonly [name: string]: StepResult | undefined }
}

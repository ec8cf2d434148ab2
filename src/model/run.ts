import type { FailureCode } from '../base/failure.ts'
import type { Id } from './id.ts'
import type { LocationName } from './policy/policy.ts'

export const procedureNames = [
  'backup',
  'replicate',
  'retain',
  'verify',
  'heal',
  'restore',
  'guard',
  'rotate',
  'database-restore',
  'point-in-time-recovery',
  'file-restore',
  'restore-test',
  'recovery-drill',
  'roll-back',
  'receive',
] as const
export type ProcedureName = (typeof procedureNames)[number]

/** How a run came about: it was due, a person asked for it, or a command that is guarded. */
export const runTriggers = ['schedule', 'person', 'guard'] as const
export type RunTrigger = (typeof runTriggers)[number]

/** The process that does a run, so that one who comes later can tell a run that goes on from one whose process died. */
export interface RunProcess {
  readonly host: string
  readonly processId: number
  /** Tells it from a later process of the same number (base/process-birth.ts); undefined where the system does not say. */
  readonly birth: string | undefined
}

/** One execution of a procedure. */
export interface RunBeginning {
  /** Unique for ever: `run-` and 16 hex digits, or made from the due time so that a due run happens once. */
  readonly id: string
  readonly procedure: ProcedureName
  readonly trigger: RunTrigger
  /** The source it is for; undefined where it is for all. */
  readonly source: string | undefined
  /** When it was due; undefined where nobody had scheduled it. */
  readonly dueAt: Date | undefined
  readonly startedAt: Date
  readonly process: RunProcess
}

export const runStates = ['running', 'done', 'gaps', 'failed', 'lost'] as const

export type RunEnd =
  | { readonly state: 'done'; readonly endedAt: Date; readonly summary: string }
  | { readonly state: 'gaps'; readonly endedAt: Date; readonly summary: string; readonly gaps: readonly string[] }
  | { readonly state: 'failed'; readonly endedAt: Date; readonly failure: FailureCode; readonly message: string }
  /** Its process died; said by whoever finds it. */
  | { readonly state: 'lost'; readonly endedAt: Date }

export type Run = RunBeginning & (RunEnd | { readonly state: 'running' })

export const verificationScopes = ['structure', 'data'] as const

export const proofOutcomes = ['equal', 'different'] as const

/** What was found when stored bytes were read. */
export interface Verification {
  readonly run: string
  readonly at: Date
  readonly location: LocationName
  readonly generation: number
  /** `structure`: everything that snapshots need is named and there; `data`: this part of the packs was read, opened and hashed. */
  readonly scope: { readonly kind: 'structure' } | { readonly kind: 'data'; readonly part: number; readonly of: number }
  readonly objects: number
  readonly bytes: number
  readonly faults: number
}

/** Where the time of a restore went, ms. */
export interface RestorePhases {
  /** Locking the repository and reading its index. */
  readonly openMs: number
  /** Fetching, decrypting and writing, which go on at once; where a server is restored, reading back as well. */
  readonly transferMs: number
  /** Comparing what was restored with the manifest, starting a private server for it included. */
  readonly verifyMs: number
}

/** A restore whose result was compared with the manifest of its backup. */
export interface Proof {
  readonly run: string
  readonly at: Date
  readonly backup: Id
  readonly source: string
  readonly location: LocationName
  readonly outcome: (typeof proofOutcomes)[number]
  /** From the beginning of the restore to the end of the comparison. */
  readonly durationMs: number
  /** Undefined where an older program did it, or nobody timed its parts. */
  readonly phases?: RestorePhases | undefined
}

export const keyEventKinds = [
  'created',
  'opened',
  'rotated',
  'rewrapped',
  'exported',
  'imported',
  'destroyed',
  'checked',
  'kit created',
  'kit tested',
  'kit opened',
] as const

export interface KeyEvent {
  readonly at: Date
  readonly kind: (typeof keyEventKinds)[number]
  readonly generation: number | undefined
  /** Who did it: user name and host. */
  readonly actor: string
}

/** A version of the policy that was in force from a time on. */
export interface PolicyVersion {
  readonly digest: string
  readonly since: Date
  /** The file's text. */
  readonly text: string
  /** What it weakens against the one before it, in words; with the reason that was given for it. */
  readonly weakened: readonly string[]
  readonly reason: string | undefined
  readonly actor: string
}

import type { LocationName } from '../../model/policy/policy.ts'
import type { ProcedureContext } from '../runs/procedure-context.ts'
import type { AskDatabase } from '../questions/question-fault.ts'

/** What the restore of a database came to. Plain JSON. */
export interface RestoredDatabase {
  readonly location: LocationName
  readonly bytes: number
  readonly durationMs: number
  /** Where the old one is, null where there was none; undefined where the new one is not in its place yet. */
  readonly oldPath?: string | null
  /** A server's new one. */
  readonly timeline?: number
}

/** What a comparison showed. One that finds a difference throws. Plain JSON. */
export interface ProvenDatabase {
  /** `not compared`: what is there differs from the backup by what was asked for, such as a later point in time. */
  readonly outcome: 'equal' | 'not compared'
  readonly tables: number
  /** What is not proven, a sentence each. */
  readonly doubts: readonly string[]
}

/** How databases of one form are restored. Each of these is a step, and may run twice. */
export interface DatabaseForm {
  /** Objects that the restore needs besides the backup's own: verified before anything is stopped. Answers how many. */
  verifyMore?(context: ProcedureContext, signal: AbortSignal): Promise<number>
  restore(context: ProcedureContext, signal: AbortSignal): Promise<RestoredDatabase>
  /** Failure `not_proven`. */
  prove(context: ProcedureContext, restored: RestoredDatabase, signal: AbortSignal): Promise<ProvenDatabase>
  /** Where the restored one is proven beside the old one: puts it into place. Answers where the old one is then. */
  place?(context: ProcedureContext, restored: RestoredDatabase, signal: AbortSignal): Promise<string | null>
  /** What the questions of the policy's validations are put to, once the services run again. */
  ask(context: Pick<ProcedureContext, 'installation'>): AskDatabase
}

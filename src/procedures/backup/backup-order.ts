import type { FailureCode } from '../../base/failure.ts'
import type { BackupKind } from '../../model/backup.ts'
import type { Id } from '../../model/id.ts'
import type { LocationName } from '../../model/policy/policy.ts'
import type { RunTrigger } from '../../model/run.ts'

/** What is to be backed up. Plain JSON, so that a durable run can keep it. */
export interface BackupOrder {
  /** Unique for ever; the run of each source is named `<id>:<source>`. Made from the due time where there is one. */
  readonly id: string
  /** Names of sources of the policy. */
  readonly sources: readonly string[]
  /** Undefined leaves it to the source: full where it has none yet, else incremental. */
  readonly kind: BackupKind | undefined
  readonly trigger: RunTrigger
  /** ISO 8601. */
  readonly dueAt: string | undefined
}

/** A path that is missing from a backup, or may be torn in it. */
export interface BackupGap {
  readonly path: string
  readonly reason: string
}

/** What became of one source of an order. Plain JSON. */
export type SourceOutcome =
  | {
      readonly state: 'stored'
      readonly source: string
      readonly kind: BackupKind
      readonly snapshot: Id
      readonly generation: number
      /** ISO 8601. */
      readonly takenAt: string
      readonly files: number
      readonly bytes: number
      readonly bytesAdded: number
      /** At most a hundred of them. */
      readonly gaps: readonly BackupGap[]
      readonly gapsTotal: number
      /** Packs that were damaged and whose content was stored anew. */
      readonly packsReplaced: number
      /** Sentences: what was not done as it might be, though nothing is missing. */
      readonly warnings: readonly string[]
    }
  | {
      readonly state: 'failed'
      readonly source: string
      readonly failure: FailureCode
      readonly message: string
      readonly hint: string | undefined
    }

/** What happened besides the backups themselves: copying off-site, retention. A sentence each where it is not as it should be. */
export interface BackupsOutcome {
  readonly sources: readonly (SourceOutcome & { readonly copies: readonly LocationName[] })[]
  readonly troubles: readonly string[]
}

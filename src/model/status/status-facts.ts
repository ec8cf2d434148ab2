import type { Backup, BackupCopy } from '../backup.ts'
import type { EvidenceAlarm } from '../evidence/evidence-alarm.ts'
import type { Id } from '../id.ts'
import type { MeasuredReplay } from '../objectives/measured-times.ts'
import type { DataSize } from '../objectives/time-fit.ts'
import type { LocationName, Policy } from '../policy/policy.ts'
import type { Proof, Run, Verification } from '../run.ts'
import type { WalStand } from '../wal-stand.ts'

/** A generation of the environment's data key, as the keyring tells it. */
export interface GenerationFact {
  readonly generation: number
  readonly createdAt: Date
  readonly state: 'active' | 'retired' | 'destroyed'
}

/** What was found where the policy says the keyring is. */
export type KeyringFact =
  | { readonly state: 'apart'; readonly path: string; readonly generations: readonly GenerationFact[] }
  /** It shares a folder, a bucket or more with a location or a source: which. */
  | {
      readonly state: 'together'
      readonly path: string
      readonly with: string
      readonly generations: readonly GenerationFact[]
    }
  /** It was not opened: why. */
  | { readonly state: 'unopened'; readonly path: string; readonly message: string }

export interface LocationFact {
  readonly name: LocationName
  /** Why it can not be reached just now; undefined where it can. */
  readonly unreachable: string | undefined
  /** Backups lie there though none is on record: the record was lost. */
  readonly holdsUnknown?: boolean
}

/** When a recovery kit was made last, and when one was last proven to open a backup. */
export interface KitFact {
  readonly createdAt: Date | undefined
  readonly testedAt: Date | undefined
}

/** A rehearsal of the loss of everything. */
export interface DrillFact {
  readonly run: string
  readonly at: Date
  readonly outcome: 'recovered' | 'failed'
  readonly durationMs: number
  /** Without them the drill does not count as closed. */
  readonly lessons: 'written' | 'missing'
}

/** All that the status is told from. The more of it is missing, the less is said to be met. */
export interface StatusFacts {
  readonly policy: Policy
  readonly policyDigest: string
  /** What the policy promises less than the one in force, in words, and nobody accepted; none where nobody compared them. */
  readonly notAccepted?: readonly string[]
  /** Since when an approved or used version of the policy is on record; undefined before its first run. */
  readonly policySince: Date | undefined
  /** Sources that came under the policy later, by name. */
  readonly sourcesSince: Readonly<Record<string, Date>>
  /** Of this environment, in any location. */
  readonly backups: readonly Backup[]
  readonly copies: readonly BackupCopy[]
  readonly verifications: readonly Verification[]
  readonly proofs: readonly Proof[]
  /** The runs that were restore tests; the other proofs are of restores that somebody wanted. */
  readonly testRuns: ReadonlySet<string>
  /** The sizes of all backups on record, those that retention removed included. */
  readonly sizesOf: ReadonlyMap<Id, DataSize>
  readonly walStands: readonly WalStand[]
  /** Replays of log that were carried out. */
  readonly replays: readonly MeasuredReplay[]
  /** What stopping and starting the services of a source and validating it took, by source, ms. */
  readonly serviceMs: Readonly<Record<string, number>>
  /** What the last drill took besides restoring, ms. */
  readonly setUpMs: number | undefined
  /** Those of the last weeks, at least the newest of each procedure and source, and all that are running; one whose process died is `lost`. */
  readonly runs: readonly Run[]
  readonly drills: readonly DrillFact[]
  /** Procedures that a crash or a failed step has ended, and what they left stopped. */
  readonly interrupted: readonly { readonly run: string; readonly since: Date; readonly stopped: readonly string[] }[]
  /** What did not go with the evidence, acknowledged or not; none where nobody looked. */
  readonly alarms?: readonly EvidenceAlarm[]
  /** Why the ledger is not as it was recorded; undefined where it is, or nobody could look. */
  readonly ledgerFault?: string | undefined
  readonly keyring: KeyringFact
  /** The recovery kit; undefined where nobody looked. */
  readonly kit?: KitFact
  /** What the repositories are sealed with. */
  readonly algorithm: string
  readonly locations: readonly LocationFact[]
  readonly now: Date
}

import type { Id } from './id.ts'
import type { Environment, LocationName, SourceKind } from './policy/policy.ts'

export const backupKinds = ['full', 'incremental', 'pre-operation'] as const
export type BackupKind = (typeof backupKinds)[number]

/** One backup: a snapshot of one source, complete in itself whatever its kind. */
export interface Backup {
  /** The snapshot's id. */
  readonly id: Id
  readonly environment: Environment
  /** Name of the source in the policy. */
  readonly source: string
  readonly sourceKind: SourceKind
  readonly kind: BackupKind
  /** The generation whose key sealed it. */
  readonly generation: number
  /** The first 16 hex digits of the SHA-256 of the policy that it was taken under: all that a tag holds. */
  readonly policyDigest: string
  /** The run that took it. */
  readonly run: string
  /** When the view of the source was taken. */
  readonly takenAt: Date
  readonly endedAt: Date
  readonly tree: Id
  readonly files: number
  /** Bytes of the source. */
  readonly bytes: number
  /** Bytes that it added to the repository. */
  readonly bytesAdded: number
  /** What is missing from it; none makes it complete, else it is partial. */
  readonly gaps: number
}

/** Where a backup lies. */
export interface BackupCopy {
  readonly backup: Id
  readonly location: LocationName
  readonly storedAt: Date
}

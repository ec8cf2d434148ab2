import type { Backup, BackupCopy } from '../model/backup.ts'
import type { Id } from '../model/id.ts'
import type { LocationName } from '../model/policy/policy.ts'
import type { KeyEvent, PolicyVersion, Proof, Run, RunBeginning, RunEnd, Verification } from '../model/run.ts'

/**
 * Seam 3: the durable memory of what was done. An implementation must give: a call that resolved is on disk; readers of
 * several processes at once see whole calls; a call that is made twice leaves what one leaves. What it holds about backups
 * can be rebuilt from the repositories, so losing it loses no backup. All lists are oldest first. Failures: `catalog_unreadable`
 * where the store is damaged or of a later version, `storage_full`, `storage_denied`.
 */
export interface Catalog extends AsyncDisposable {
  /** Failure `refused` where a run of this id is there already, so that a due run begins once. */
  beginRun(run: RunBeginning): Promise<void>
  endRun(id: string, end: RunEnd): Promise<void>
  runs(filter?: RunFilter): Promise<readonly Run[]>

  addBackup(backup: Backup): Promise<void>
  /** The backup is in no location any more; it stays on record. */
  removeBackup(id: Id, at: Date): Promise<void>
  backups(filter?: { readonly source?: string; readonly includeRemoved?: boolean }): Promise<readonly Backup[]>

  addCopy(copy: BackupCopy): Promise<void>
  removeCopy(backup: Id, location: LocationName): Promise<void>
  copies(backup?: Id): Promise<readonly BackupCopy[]>

  addVerification(verification: Verification): Promise<void>
  verifications(filter?: { readonly location?: LocationName; readonly since?: Date }): Promise<readonly Verification[]>

  addProof(proof: Proof): Promise<void>
  proofs(filter?: { readonly source?: string; readonly backup?: Id }): Promise<readonly Proof[]>

  addKeyEvent(event: KeyEvent): Promise<void>
  keyEvents(): Promise<readonly KeyEvent[]>

  addPolicyVersion(version: PolicyVersion): Promise<void>
  policyVersions(): Promise<readonly PolicyVersion[]>

  /** Takes the place of all backups and copies of an environment at once, or changes nothing: for the rebuild. */
  replaceBackups(backups: readonly Backup[], copies: readonly BackupCopy[]): Promise<void>

  close(): Promise<void>
}

export interface RunFilter {
  readonly source?: string
  readonly procedure?: Run['procedure']
  readonly state?: Run['state']
  /** Started at or after. */
  readonly since?: Date
  /** The newest so many of those. */
  readonly newest?: number
}

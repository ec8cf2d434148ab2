import type { Backup, BackupCopy } from '../model/backup.ts'
import type { WalPiece, WalStand } from '../model/wal-stand.ts'
import type { EvidenceEntry, EvidenceKind, EvidenceNote, LedgerEnd } from '../model/evidence/evidence-entry.ts'
import type { SignedHead } from '../model/evidence/signed-head.ts'
import type { Id } from '../model/id.ts'
import type { Environment, LocationName } from '../model/policy/policy.ts'
import type {
  KeyEvent,
  PolicyVersion,
  Proof,
  Run,
  RunBeginning,
  RunEnd,
  RunProcess,
  Verification,
} from '../model/run.ts'

/**
 * Seam 3: the durable memory of what was done. An implementation must give: a call that resolved is on disk; readers of
 * several processes at once see whole calls; a call that is made twice leaves what one leaves. What it holds about backups
 * can be rebuilt from the repositories, so losing it loses no backup. All lists are oldest first. Failures: `catalog_unreadable`
 * where the store is damaged, of a later version, or holds what is no record (which is told, never skipped), `storage_full`,
 * `storage_denied`, `storage_unreachable`, and `database_busy` where other processes kept it locked for too long.
 *
 * Every call that changes what is on record appends an entry to the evidence ledger, in the same transaction: what is
 * on record is in the ledger, and a call that changes nothing appends nothing. The ledger is only ever added to. Only how
 * far WAL is stored, which changes all the time, and where heads lie, is no record.
 */
export interface Catalog extends AsyncDisposable {
  /** Failure `refused` where a run of this id is there already, so that a due run begins once. */
  beginRun(run: RunBeginning): Promise<void>
  /**
   * Ends a run that is running or was given up as lost; the same end again changes nothing. Failure `refused` where the run
   * is not known or has ended otherwise.
   */
  endRun(id: string, end: RunEnd): Promise<void>
  /**
   * Ends as `lost`, at `at`, each running run whose process is not alive, and answers those. `isAlive` must say true of what
   * it cannot know, such as a process of another host.
   */
  loseDeadRuns(isAlive: (process: RunProcess) => boolean, at: Date): Promise<readonly Run[]>
  runs(filter?: RunFilter): Promise<readonly Run[]>

  /** What is there under this id is replaced; a backup that was removed is there again. */
  addBackup(backup: Backup): Promise<void>
  /** The backup is in no location any more; it stays on record, its copies do not. Nothing where it is not known. */
  removeBackup(id: Id, at: Date): Promise<void>
  backups(filter?: { readonly source?: string; readonly includeRemoved?: boolean }): Promise<readonly Backup[]>

  addCopy(copy: BackupCopy): Promise<void>
  removeCopy(backup: Id, location: LocationName, at: Date): Promise<void>
  copies(backup?: Id): Promise<readonly BackupCopy[]>

  addVerification(verification: Verification): Promise<void>
  verifications(filter?: { readonly location?: LocationName; readonly since?: Date }): Promise<readonly Verification[]>

  addProof(proof: Proof): Promise<void>
  proofs(filter?: { readonly source?: string; readonly backup?: Id }): Promise<readonly Proof[]>

  /** Takes the place of what was known of the same source and location. Of the moment: the ledger says nothing of it. */
  setWalStand(stand: WalStand): Promise<void>
  /** extendWalStand() of what is known by then, whoever else adds pieces at the same time. */
  addWalPiece(place: Pick<WalStand, 'source' | 'location'>, piece: WalPiece): Promise<void>
  /** By source and location. */
  walStands(): Promise<readonly WalStand[]>

  addKeyEvent(event: KeyEvent): Promise<void>
  keyEvents(): Promise<readonly KeyEvent[]>

  addPolicyVersion(version: PolicyVersion): Promise<void>
  policyVersions(): Promise<readonly PolicyVersion[]>

  /**
   * Takes the place of all backups and copies of an environment at once, or changes nothing: for the rebuild. Backups that
   * were removed stay on record as such, unless they are among these.
   */
  replaceBackups(
    environment: Environment,
    backups: readonly Backup[],
    copies: readonly BackupCopy[],
    at: Date,
  ): Promise<void>

  /** Appends what has no record of its own: a step, a drill, a refusal. The same note again changes nothing. */
  addEvidence(note: EvidenceNote): Promise<void>
  /** Entries of the ledger in their order, those behind `after` and of these kinds only, and the first so many of them. */
  evidence(filter?: EvidenceFilter): Promise<readonly EvidenceEntry[]>
  ledgerEnd(): Promise<LedgerEnd>
  /** Keeps a signed head; the same again changes nothing. Failure `refused` where there is another one of its number. */
  addHead(head: SignedHead): Promise<void>
  heads(): Promise<readonly SignedHead[]>
  /** Notes that heads, by headDigest(), lie at a location, so that they are missed there. Of the moment: the ledger says nothing of it. */
  noteHeadsAt(location: LocationName, digests: readonly string[]): Promise<void>
  /** Digests of the heads that lay at a location when they were last looked at. */
  headsAt(location: LocationName): Promise<ReadonlySet<string>>

  close(): Promise<void>
}

export interface EvidenceFilter {
  readonly after?: number
  readonly first?: number
  readonly kinds?: readonly EvidenceKind[]
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

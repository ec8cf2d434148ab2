import type { SQLInputValue } from 'node:sqlite'
import { Failure } from '../../base/failure.ts'
import type { Backup, BackupCopy } from '../../model/backup.ts'
import type { EvidenceEntry, EvidenceNote, LedgerEnd } from '../../model/evidence/evidence-entry.ts'
import {
  backupRemoved,
  backupStored,
  catalogRebuilt,
  copyRemoved,
  copyStored,
  keyUsed,
  policyInForce,
  proven,
  runBegun,
  runEnded,
  verified,
} from '../../model/evidence/evidence-notes.ts'
import type { SignedHead } from '../../model/evidence/signed-head.ts'
import type { Id } from '../../model/id.ts'
import type { Environment, LocationName } from '../../model/policy/policy.ts'
import type {
  KeyEvent,
  PolicyVersion,
  Proof,
  Run,
  RunBeginning,
  RunEnd,
  RunProcess,
  Verification,
} from '../../model/run.ts'
import { extendWalStand, type WalPiece, type WalStand } from '../../model/wal-stand.ts'
import type { Catalog, EvidenceFilter, RunFilter } from '../catalog.ts'
import { runEndFault } from '../run-end-fault.ts'
import { backupValues, copyValues, putBackup, putCopy, readBackup, readCopy } from './backup-row.ts'
import { openCatalogDatabase } from './catalog-database.ts'
import { CatalogStore, type Values } from './catalog-store.ts'
import {
  keyEventValues,
  policyVersionValues,
  proofValues,
  putKeyEvent,
  putPolicyVersion,
  putProof,
  putVerification,
  readKeyEvent,
  readPolicyVersion,
  readProof,
  readVerification,
  verificationValues,
} from './evidence-row.ts'
import { insertRun, readRun, runBeginningValues, runEndValues, updateRunEnd } from './run-row.ts'
import { SqliteLedger } from './sqlite-ledger.ts'
import { putWalStand, readWalStand, walStandValues } from './wal-stand-row.ts'

/**
 * The catalog in one SQLite file at `path`, made where it is absent, with its folder. Several processes may have it open.
 * A call works at once, without a wait but for the disk and for other processes. `actor`: who works with it, for the
 * ledger's entries of calls that do not say so.
 */
export async function openSqliteCatalog(
  path: string,
  { actor }: { readonly actor: string } = { actor: 'unknown' },
): Promise<Catalog> {
  return new SqliteCatalog(new CatalogStore(path, openCatalogDatabase(path)), actor)
}

/** Conditions of a list and what they compare with; undefined leaves the condition out. */
type Conditions = Readonly<Record<string, SQLInputValue | undefined>>

class SqliteCatalog implements Catalog {
  readonly #store: CatalogStore
  readonly #ledger: SqliteLedger
  readonly #actor: string

  constructor(store: CatalogStore, actor: string) {
    this.#store = store
    this.#ledger = new SqliteLedger(store)
    this.#actor = actor
  }

  async beginRun(run: RunBeginning): Promise<void> {
    this.#store.atOnce(() => {
      if (this.#store.write(insertRun, runBeginningValues(run)) === 0) {
        throw new Failure('refused', `Cannot begin the run "${run.id}": a run of this id began before`)
      }
      this.#ledger.append(runBegun(run))
    })
  }

  async endRun(id: string, end: RunEnd): Promise<void> {
    this.#store.atOnce(() => {
      const [run] = this.#runs('WHERE id = ?', [id])
      const fault = runEndFault(id, run, end)
      if (fault !== undefined) throw fault
      if (run!.state === end.state && run!.endedAt.getTime() === end.endedAt.getTime()) return
      this.#store.write(updateRunEnd, [...runEndValues(end), id])
      this.#ledger.append(runEnded(run!, end))
    })
  }

  async loseDeadRuns(isAlive: (process: RunProcess) => boolean, at: Date): Promise<readonly Run[]> {
    return this.#store.atOnce(() => {
      const dead = this.#runs("WHERE state = 'running' ORDER BY started_at, seq", []).filter(
        (run) => !isAlive(run.process),
      )
      const end: RunEnd = { state: 'lost', endedAt: at }
      for (const run of dead) {
        this.#store.write(updateRunEnd, [...runEndValues(end), run.id])
        this.#ledger.append(runEnded(run, end))
      }
      return dead.map((run) => ({ ...run, ...end }))
    })
  }

  async runs(filter: RunFilter = {}): Promise<readonly Run[]> {
    const { text, values } = where({
      'source = ?': filter.source,
      'procedure = ?': filter.procedure,
      'state = ?': filter.state,
      'started_at >= ?': filter.since?.getTime(),
    })
    if (filter.newest === undefined) return this.#runs(`${text} ORDER BY started_at, seq`, values)
    const newest = this.#runs(`${text} ORDER BY started_at DESC, seq DESC LIMIT ?`, [...values, filter.newest])
    return newest.toReversed()
  }

  async addBackup(backup: Backup): Promise<void> {
    this.#store.atOnce(() => {
      if (this.#store.write(putBackup, backupValues(backup)) > 0) this.#ledger.append(backupStored(backup))
    })
  }

  async removeBackup(id: Id, at: Date): Promise<void> {
    this.#store.atOnce(() => {
      const removed = 'UPDATE backups SET removed_at = ? WHERE id = ? AND removed_at IS NULL'
      const changes =
        this.#store.write(removed, [at.getTime(), id]) + this.#store.write('DELETE FROM copies WHERE backup = ?', [id])
      if (changes > 0) this.#ledger.append(backupRemoved(id, at, this.#actor))
    })
  }

  async backups(
    filter: { readonly source?: string; readonly includeRemoved?: boolean } = {},
  ): Promise<readonly Backup[]> {
    const { text, values } = where({
      'source = ?': filter.source,
      'removed_at IS NULL OR 1 = ?': filter.includeRemoved === true ? undefined : 0,
    })
    return this.#store.read(`SELECT * FROM backups ${text} ORDER BY taken_at, id`, values, readBackup)
  }

  async addCopy(copy: BackupCopy): Promise<void> {
    this.#once(putCopy, copyValues(copy), copyStored(copy, this.#actor))
  }

  async removeCopy(backup: Id, location: LocationName, at: Date): Promise<void> {
    const note = copyRemoved(backup, location, at, this.#actor)
    this.#once('DELETE FROM copies WHERE backup = ? AND location = ?', [backup, location], note)
  }

  async copies(backup?: Id): Promise<readonly BackupCopy[]> {
    const { text, values } = where({ 'backup = ?': backup })
    return this.#store.read(`SELECT * FROM copies ${text} ORDER BY stored_at, backup, location`, values, readCopy)
  }

  async addVerification(verification: Verification): Promise<void> {
    this.#once(putVerification, verificationValues(verification), verified(verification))
  }

  async verifications(
    filter: { readonly location?: LocationName; readonly since?: Date } = {},
  ): Promise<readonly Verification[]> {
    const { text, values } = where({ 'location = ?': filter.location, 'at >= ?': filter.since?.getTime() })
    return this.#store.read(`SELECT * FROM verifications ${text} ORDER BY at, seq`, values, readVerification)
  }

  async addProof(proof: Proof): Promise<void> {
    this.#once(putProof, proofValues(proof), proven(proof))
  }

  async proofs(filter: { readonly source?: string; readonly backup?: Id } = {}): Promise<readonly Proof[]> {
    const { text, values } = where({ 'source = ?': filter.source, 'backup = ?': filter.backup })
    return this.#store.read(`SELECT * FROM proofs ${text} ORDER BY at, seq`, values, readProof)
  }

  async setWalStand(stand: WalStand): Promise<void> {
    this.#store.write(putWalStand, walStandValues(stand))
  }

  async addWalPiece({ source, location }: Pick<WalStand, 'source' | 'location'>, piece: WalPiece): Promise<void> {
    this.#store.atOnce(() => {
      const known = 'SELECT * FROM wal_stands WHERE source = ? AND location = ?'
      const [before] = this.#store.read(known, [source, location], readWalStand)
      this.#store.write(putWalStand, walStandValues(extendWalStand(before, { source, location }, piece)))
    })
  }

  async walStands(): Promise<readonly WalStand[]> {
    return this.#store.read('SELECT * FROM wal_stands ORDER BY source, location', [], readWalStand)
  }

  async addKeyEvent(event: KeyEvent): Promise<void> {
    this.#once(putKeyEvent, keyEventValues(event), keyUsed(event))
  }

  async keyEvents(): Promise<readonly KeyEvent[]> {
    return this.#store.read('SELECT * FROM key_events ORDER BY at, seq', [], readKeyEvent)
  }

  async addPolicyVersion(version: PolicyVersion): Promise<void> {
    this.#once(putPolicyVersion, policyVersionValues(version), policyInForce(version))
  }

  async policyVersions(): Promise<readonly PolicyVersion[]> {
    return this.#store.read('SELECT * FROM policy_versions ORDER BY since, seq', [], readPolicyVersion)
  }

  async replaceBackups(
    environment: Environment,
    backups: readonly Backup[],
    copies: readonly BackupCopy[],
    at: Date,
  ): Promise<void> {
    this.#store.atOnce(() => {
      this.#store.write('DELETE FROM copies WHERE backup IN (SELECT id FROM backups WHERE environment = ?)', [
        environment,
      ])
      this.#store.write('DELETE FROM backups WHERE environment = ? AND removed_at IS NULL', [environment])
      for (const backup of backups) this.#store.write(putBackup, backupValues(backup))
      for (const copy of copies) this.#store.write(putCopy, copyValues(copy))
      this.#ledger.append(catalogRebuilt(environment, { backups, copies }, at, this.#actor))
    })
  }

  async addEvidence(note: EvidenceNote): Promise<void> {
    this.#ledger.addOnce(note)
  }

  async evidence(filter: EvidenceFilter = {}): Promise<readonly EvidenceEntry[]> {
    return this.#ledger.entries(filter)
  }

  async ledgerEnd(): Promise<LedgerEnd> {
    return this.#ledger.end()
  }

  async addHead(head: SignedHead): Promise<void> {
    this.#ledger.addHead(head)
  }

  async heads(): Promise<readonly SignedHead[]> {
    return this.#ledger.heads()
  }

  async noteHeadsAt(location: LocationName, digests: readonly string[]): Promise<void> {
    this.#ledger.noteHeadsAt(location, digests)
  }

  async headsAt(location: LocationName): Promise<ReadonlySet<string>> {
    return this.#ledger.headsAt(location)
  }

  async close(): Promise<void> {
    this.#store.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** One statement, and its entry of the ledger where it changed something. */
  #once(text: string, values: Values, note: EvidenceNote): void {
    this.#store.atOnce(() => {
      if (this.#store.write(text, values) > 0) this.#ledger.append(note)
    })
  }

  #runs(clauses: string, values: Values): Run[] {
    return this.#store.read(`SELECT * FROM runs ${clauses}`, values, readRun)
  }
}

function where(conditions: Conditions): { readonly text: string; readonly values: Values } {
  const used = Object.entries(conditions).filter(([, value]) => value !== undefined)
  const text = used.length === 0 ? '' : `WHERE ${used.map(([condition]) => `(${condition})`).join(' AND ')}`
  return { text, values: used.map(([, value]) => value!) }
}

import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { Failure } from '../../base/failure.ts'
import type { Backup, BackupCopy } from '../../model/backup.ts'
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
import type { Catalog, RunFilter } from '../catalog.ts'
import { runEndFault } from '../run-end-fault.ts'
import { backupValues, copyValues, putBackup, putCopy, readBackup, readCopy } from './backup-row.ts'
import { openCatalogDatabase } from './catalog-database.ts'
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
import { inTransaction } from './in-transaction.ts'
import type { Row } from './row-reader.ts'
import { insertRun, readRun, runBeginningValues, runEndValues, updateRunEnd } from './run-row.ts'
import { sqliteFailure } from './sqlite-failure.ts'

/**
 * The catalog in one SQLite file at `path`, made where it is absent, with its folder. Several processes may have it open.
 * A call works at once, without a wait but for the disk and for other processes.
 */
export async function openSqliteCatalog(path: string): Promise<Catalog> {
  return new SqliteCatalog(path, openCatalogDatabase(path))
}

type Values = readonly SQLInputValue[]

/** Conditions of a list and what they compare with; undefined leaves the condition out. */
type Conditions = Readonly<Record<string, SQLInputValue | undefined>>

class SqliteCatalog implements Catalog {
  readonly #path: string
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(path: string, database: DatabaseSync) {
    this.#path = path
    this.#database = database
  }

  async beginRun(run: RunBeginning): Promise<void> {
    if (this.#write(insertRun, runBeginningValues(run)) === 0) {
      throw new Failure('refused', `Cannot begin the run "${run.id}": a run of this id began before`)
    }
  }

  async endRun(id: string, end: RunEnd): Promise<void> {
    this.#atOnce(() => {
      const [run] = this.#runs('WHERE id = ?', [id])
      const fault = runEndFault(id, run, end)
      if (fault !== undefined) throw fault
      this.#write(updateRunEnd, [...runEndValues(end), id])
    })
  }

  async loseDeadRuns(isAlive: (process: RunProcess) => boolean, at: Date): Promise<readonly Run[]> {
    return this.#atOnce(() => {
      const dead = this.#runs("WHERE state = 'running' ORDER BY started_at, seq", []).filter(
        (run) => !isAlive(run.process),
      )
      const end: RunEnd = { state: 'lost', endedAt: at }
      for (const { id } of dead) this.#write(updateRunEnd, [...runEndValues(end), id])
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
    this.#write(putBackup, backupValues(backup))
  }

  async removeBackup(id: Id, at: Date): Promise<void> {
    this.#atOnce(() => {
      this.#write('UPDATE backups SET removed_at = ? WHERE id = ? AND removed_at IS NULL', [at.getTime(), id])
      this.#write('DELETE FROM copies WHERE backup = ?', [id])
    })
  }

  async backups(
    filter: { readonly source?: string; readonly includeRemoved?: boolean } = {},
  ): Promise<readonly Backup[]> {
    const { text, values } = where({
      'source = ?': filter.source,
      'removed_at IS NULL OR 1 = ?': filter.includeRemoved === true ? undefined : 0,
    })
    return this.#read(`SELECT * FROM backups ${text} ORDER BY taken_at, id`, values, readBackup)
  }

  async addCopy(copy: BackupCopy): Promise<void> {
    this.#write(putCopy, copyValues(copy))
  }

  async removeCopy(backup: Id, location: LocationName): Promise<void> {
    this.#write('DELETE FROM copies WHERE backup = ? AND location = ?', [backup, location])
  }

  async copies(backup?: Id): Promise<readonly BackupCopy[]> {
    const { text, values } = where({ 'backup = ?': backup })
    return this.#read(`SELECT * FROM copies ${text} ORDER BY stored_at, backup, location`, values, readCopy)
  }

  async addVerification(verification: Verification): Promise<void> {
    this.#write(putVerification, verificationValues(verification))
  }

  async verifications(
    filter: { readonly location?: LocationName; readonly since?: Date } = {},
  ): Promise<readonly Verification[]> {
    const { text, values } = where({ 'location = ?': filter.location, 'at >= ?': filter.since?.getTime() })
    return this.#read(`SELECT * FROM verifications ${text} ORDER BY at, seq`, values, readVerification)
  }

  async addProof(proof: Proof): Promise<void> {
    this.#write(putProof, proofValues(proof))
  }

  async proofs(filter: { readonly source?: string; readonly backup?: Id } = {}): Promise<readonly Proof[]> {
    const { text, values } = where({ 'source = ?': filter.source, 'backup = ?': filter.backup })
    return this.#read(`SELECT * FROM proofs ${text} ORDER BY at, seq`, values, readProof)
  }

  async addKeyEvent(event: KeyEvent): Promise<void> {
    this.#write(putKeyEvent, keyEventValues(event))
  }

  async keyEvents(): Promise<readonly KeyEvent[]> {
    return this.#read('SELECT * FROM key_events ORDER BY at, seq', [], readKeyEvent)
  }

  async addPolicyVersion(version: PolicyVersion): Promise<void> {
    this.#write(putPolicyVersion, policyVersionValues(version))
  }

  async policyVersions(): Promise<readonly PolicyVersion[]> {
    return this.#read('SELECT * FROM policy_versions ORDER BY since, seq', [], readPolicyVersion)
  }

  async replaceBackups(
    environment: Environment,
    backups: readonly Backup[],
    copies: readonly BackupCopy[],
  ): Promise<void> {
    this.#atOnce(() => {
      this.#write('DELETE FROM copies WHERE backup IN (SELECT id FROM backups WHERE environment = ?)', [environment])
      this.#write('DELETE FROM backups WHERE environment = ? AND removed_at IS NULL', [environment])
      for (const backup of backups) this.#write(putBackup, backupValues(backup))
      for (const copy of copies) this.#write(putCopy, copyValues(copy))
    })
  }

  async close(): Promise<void> {
    this.#statements.clear()
    if (this.#database.isOpen) this.#database.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #runs(clauses: string, values: Values): Run[] {
    return this.#read(`SELECT * FROM runs ${clauses}`, values, readRun)
  }

  #read<T>(text: string, values: Values, parse: (row: Row, path: string) => T): T[] {
    const rows = this.#doing('read', () => this.#statement(text).all(...values))
    return rows.map((row) => parse(row, this.#path))
  }

  /** Answers how many rows it changed. Alone it is a transaction of its own. */
  #write(text: string, values: Values): number {
    return this.#doing('write', () => Number(this.#statement(text).run(...values).changes))
  }

  #atOnce<T>(body: () => T): T {
    return this.#doing('write', () => inTransaction(this.#database, body))
  }

  #doing<T>(verb: 'read' | 'write', body: () => T): T {
    try {
      return body()
    } catch (error) {
      throw sqliteFailure(error, `${verb} the catalog`, this.#path)
    }
  }

  #statement(text: string): StatementSync {
    const known = this.#statements.get(text)
    if (known !== undefined) return known
    const statement = this.#database.prepare(text)
    this.#statements.set(text, statement)
    return statement
  }
}

function where(conditions: Conditions): { readonly text: string; readonly values: Values } {
  const used = Object.entries(conditions).filter(([, value]) => value !== undefined)
  const text = used.length === 0 ? '' : `WHERE ${used.map(([condition]) => `(${condition})`).join(' AND ')}`
  return { text, values: used.map(([, value]) => value!) }
}

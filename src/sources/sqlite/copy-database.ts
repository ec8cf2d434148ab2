import { accessSync, type BigIntStats, constants } from 'node:fs'
import { dirname } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { Failure } from '../../base/failure.ts'
import { databaseFile, statOf } from './database-file.ts'
import { sqliteFailure } from './sqlite-failure.ts'

export interface CopyRequest {
  readonly path: string
  /** A file that is not there yet. */
  readonly target: string
  /** How long a lock of another process is waited for. */
  readonly busyMs: number
}

export interface CopyFacts {
  readonly journalMode: string
  readonly pageSize: number
  readonly pages: number
}

/** Pages between two looks at whether to stop. */
const pagesPerStep = 16_384

/**
 * Copies a database as it is at one moment, by SQLite's online backup interface. A read transaction is begun first and held to
 * the end, so that the copy is of that moment, however much others write, and never begins anew. In WAL mode writers go on
 * meanwhile; in the other modes they wait for as long as the copy takes. `isStopped` is asked now and then. Failures
 * `database_busy`, `database_unreadable`, `stopped`.
 */
export async function copyDatabase(request: CopyRequest, isStopped: () => boolean): Promise<CopyFacts> {
  const { path, target } = request
  const before = databaseFile(path)
  const isFrozen = canNotBeLocked(path)
  let source: DatabaseSync | undefined
  try {
    source = openSource(request, isFrozen)
    source.exec('PRAGMA trusted_schema = OFF')
    source.exec('BEGIN')
    source.prepare('SELECT count(*) FROM sqlite_schema').get()
    const pragma = (name: string): unknown => Object.values(source!.prepare(`PRAGMA ${name}`).get() ?? {})[0]
    await backup(source, target, {
      rate: pagesPerStep,
      progress: () => {
        if (isStopped()) throw new Failure('stopped', 'The copy of a database was stopped')
      },
    })
    const facts = {
      journalMode: String(pragma('journal_mode')),
      pageSize: Number(pragma('page_size')),
      pages: Number(pragma('page_count')),
    }
    source.exec('COMMIT')
    if (isFrozen) requireSame(before, path)
    return facts
  } catch (error) {
    throw sqliteFailure(error, path)
  } finally {
    if (source?.isOpen === true) source.close()
  }
}

/**
 * Opens it for reading: the last connection that writes would move the log into the database and remove it when it is
 * closed.
 */
function openSource({ path, busyMs }: CopyRequest, isFrozen: boolean): DatabaseSync {
  const url = pathToFileURL(path)
  if (isFrozen) url.searchParams.set('immutable', '1')
  return new DatabaseSync(url, { readOnly: true, timeout: busyMs, allowExtension: false })
}

/**
 * Where nobody has it open (no log lies beside it) and nothing may be made beside it, SQLite reads it only if it is told
 * that nobody writes to it. Then it is looked at afterwards whether that held.
 */
function canNotBeLocked(path: string): boolean {
  return !mayWriteIn(dirname(path)) && statOf(`${path}-wal`) === undefined && statOf(`${path}-journal`) === undefined
}

function requireSame(before: BigIntStats, path: string): void {
  const after = databaseFile(path)
  const isSame = before.ctimeNs === after.ctimeNs && before.size === after.size && before.ino === after.ino
  if (isSame && statOf(`${path}-wal`) === undefined && statOf(`${path}-journal`) === undefined) return
  throw new Failure('database_busy', `Cannot copy database "${path}": it was written to meanwhile`, {
    facts: { hint: 'Let this user write to its folder: then SQLite can lock it while it is copied.' },
  })
}

/** Whether files may be made in a folder. Root may do so everywhere but on what is mounted for reading only. */
function mayWriteIn(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

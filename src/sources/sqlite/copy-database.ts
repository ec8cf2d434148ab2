import { accessSync, type BigIntStats, constants, rmSync, statSync } from 'node:fs'
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
/** Pages for which a writer waits at a time: a few milliseconds. */
const pagesPerShortStep = 1024
/** How often a copy that lets writers in between is begun anew, or stands still, before they have to wait for all of it. */
const restartsMax = 2
const stallsMax = 2

/**
 * Copies a database as it is at one moment, by SQLite's online backup interface. In WAL mode a read transaction is begun first and
 * held to the end: the copy is of that moment, however much others write, and writers go on meanwhile. In the other modes
 * a lock keeps writers out. There the copy is tried in short steps with the lock given back in between, which SQLite begins
 * anew whenever something was written; where it does not get to the end so, the lock is held for as long as the copy takes.
 * `isStopped` is asked now and then. Failures `database_busy`, `database_unreadable`, `stopped`.
 */
export async function copyDatabase(request: CopyRequest, isStopped: () => boolean): Promise<CopyFacts> {
  const { path, target } = request
  const before = databaseFile(path)
  const isFrozen = canNotBeLocked(path)
  let source: DatabaseSync | undefined
  try {
    source = openSource(request, isFrozen)
    source.exec('PRAGMA trusted_schema = OFF')
    const journalMode = String(pragma(source, 'journal_mode'))
    const letsWritersIn = journalMode === 'wal' || isFrozen
    if (letsWritersIn || !(await copyInSteps(source, target, isStopped))) {
      rmSync(target, { force: true })
      await copyHeld(source, target, isStopped)
    }
    if (isFrozen) requireSame(before, path)
    const pageSize = Number(pragma(source, 'page_size'))
    return { journalMode, pageSize, pages: statSync(target).size / pageSize }
  } catch (error) {
    throw sqliteFailure(error, path)
  } finally {
    if (source?.isOpen === true) source.close()
  }
}

async function copyHeld(source: DatabaseSync, target: string, isStopped: () => boolean): Promise<void> {
  source.exec('BEGIN')
  source.prepare('SELECT count(*) FROM sqlite_schema').get()
  await backup(source, target, { rate: pagesPerStep, progress: () => throwIfTold(isStopped) })
  source.exec('COMMIT')
}

/** Whether the copy got to its end between the writers. */
async function copyInSteps(source: DatabaseSync, target: string, isStopped: () => boolean): Promise<boolean> {
  let remaining = Infinity
  let restarts = 0
  let stalls = 0
  try {
    await backup(source, target, {
      rate: pagesPerShortStep,
      progress: ({ remainingPages }) => {
        throwIfTold(isStopped)
        if (remainingPages > remaining) restarts++
        else if (remainingPages === remaining) stalls++ // A lock was in the way for as long as one is waited for.
        remaining = remainingPages
        if (restarts > restartsMax || stalls > stallsMax) throw givenUp
      },
    })
    return true
  } catch (error) {
    if (error instanceof Failure) throw error
    return false // Whatever else was in the way: the copy that holds the lock meets it too, and tells it.
  }
}

const givenUp = new Error('The copy in steps was given up')

function throwIfTold(isStopped: () => boolean): void {
  if (isStopped()) throw new Failure('stopped', 'The copy of a database was stopped')
}

function pragma(database: DatabaseSync, name: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]
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

import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { errorCode } from '../../base/error-code.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import { inTransaction } from './in-transaction.ts'
import { migrations } from './migrations.ts'
import { sqliteFailure } from './sqlite-failure.ts'

/** In the file's head, so that no other program's database is taken for a catalog: "ZOBC". */
const applicationId = 0x5a4f4243

/** How long a call waits for other processes; their transactions take milliseconds. It holds up this process meanwhile. */
const busyTimeoutMs = 10_000
/** How often the switch to a write-ahead log is tried anew meanwhile. */
const switchEveryMs = 20

/**
 * Opens the file of a catalog, which it makes where there is none, and brings it to the newest form. Only its owner may
 * read it or its folder. Failures as the seam says, `storage_denied` for a folder that others may write.
 */
export function openCatalogDatabase(path: string, steps: readonly string[] = migrations): DatabaseSync {
  try {
    makeFile(path)
    const database = new DatabaseSync(path, { timeout: busyTimeoutMs })
    try {
      prepareDatabase(database, path, steps)
      return database
    } catch (error) {
      database.close()
      throw error
    }
  } catch (error) {
    throw sqliteFailure(error, 'open the catalog', path)
  }
}

/** The file stands empty and synced before SQLite sees it, so that it is never readable by others, not even at first. */
function makeFile(path: string): void {
  const folder = dirname(path)
  makeFolder(folder)
  const mode = statSync(folder).mode & 0o7777
  if ((mode & 0o022) !== 0) {
    throw new Failure(
      'storage_denied',
      `Cannot open the catalog "${path}": others may write its folder (mode ${mode.toString(8)}), expected mode 700`,
      { facts: { path, hint: `Give the program a folder of its own, or run: chmod 700 "${folder}"` } },
    )
  }
  if (statSync(path, { throwIfNoEntry: false }) === undefined) {
    closeSync(openSync(path, 'a', 0o600))
    const fd = openSync(folder, 'r')
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  }
  const { mode: fileMode } = statSync(path)
  if ((fileMode & 0o077) !== 0) chmodSync(path, 0o600)
}

/** With the folders above it. Node's own recursive mkdir never ends where the system lets nobody make a folder, as in /proc. */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    const code = errorCode(error)
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || statSync(dirname(folder), { throwIfNoEntry: false }) !== undefined) throw error
    makeFolder(dirname(folder))
    makeFolder(folder)
  }
}

function prepareDatabase(database: DatabaseSync, path: string, steps: readonly string[]): void {
  // Committed is synced: with FULL, SQLite syncs its log at each commit.
  database.exec('PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON')
  if (userVersion(database, path, steps.length) === steps.length) return
  const mode = writeAhead(database)
  if (mode !== 'wal') {
    throw new Failure(
      'unsupported',
      `Cannot open the catalog "${path}": its file system takes no write-ahead log (journal mode ${String(mode)})`,
      { facts: { path, hint: 'Put the state folder on a local file system.' } },
    )
  }
  for (const [at, step] of steps.entries()) {
    // Each step and its count are one transaction: a crash leaves the form before it or the one after it. The count is
    // read again inside, since another process may have been faster.
    inTransaction(database, () => {
      if (userVersion(database, path, steps.length) > at) return
      database.exec(`${step}; PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${at + 1}`)
    })
  }
}

/**
 * Switches to a write-ahead log; answers with the journal mode. SQLite does not wait for its busy timeout here: of two
 * processes that make the catalog at once, each of which has read the file, one is turned away at once.
 */
function writeAhead(database: DatabaseSync): unknown {
  for (let attempt = 1; ; attempt++) {
    try {
      return database.prepare('PRAGMA journal_mode = WAL').get()?.journal_mode
    } catch (error) {
      const isBusy = isFailure(sqliteFailure(error, 'open the catalog', ''), 'database_busy')
      if (!isBusy || attempt * switchEveryMs >= busyTimeoutMs) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, switchEveryMs)
    }
  }
}

const headQuery = `
  SELECT (SELECT user_version FROM pragma_user_version) AS version,
    (SELECT application_id FROM pragma_application_id) AS application,
    (SELECT count(*) FROM sqlite_schema) AS tables`

/** How many steps the file has been through: 0 for an empty one. Failure `catalog_unreadable` where it is no catalog or a later one. */
function userVersion(database: DatabaseSync, path: string, known: number): number {
  // One statement sees one state, though another process may be making the tables.
  const row = database.prepare(headQuery).get() ?? {}
  const [version, application, tables] = [Number(row.version), Number(row.application), Number(row.tables)]
  if (application !== applicationId) {
    if (version === 0 && application === 0 && tables === 0) return 0
    throw new Failure(
      'catalog_unreadable',
      `Cannot open the catalog "${path}": it is the database of another program`,
      {
        facts: { path },
      },
    )
  }
  if (version > known || version < 1) {
    throw new Failure(
      'catalog_unreadable',
      `Cannot open the catalog "${path}": its form is number ${version}, this program knows up to ${known}`,
      { facts: { path, version, hint: 'A newer version of the program made it: use that one.' } },
    )
  }
  return version
}

import { createHash, hash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import type { SqliteManifest, TableManifest } from '../../model/manifest.ts'
import { openCopy } from './open-copy.ts'
import { digestTable } from './table-digest.ts'
import { sqliteFailure } from './sqlite-failure.ts'

/**
 * The manifest of a database that nobody writes to: exact row counts and a digest of every value of every table, those behind
 * virtual tables included, which have no rows of their own. Memory is bounded by the largest single value. Failure
 * `database_unreadable`.
 */
export function sqliteManifestOf(path: string, name = path): SqliteManifest {
  try {
    const database = openCopy(path)
    try {
      return manifestOf(database)
    } finally {
      database.close()
    }
  } catch (error) {
    throw sqliteFailure(error, name)
  }
}

function manifestOf(database: DatabaseSync): SqliteManifest {
  const pragma = (pragmaName: string): number =>
    Number(Object.values(database.prepare(`PRAGMA ${pragmaName}`).get() ?? {})[0])
  database.function('zakops_digest', { deterministic: true }, (value) =>
    hash('sha256', value instanceof Uint8Array ? value : Buffer.from(String(value))),
  )
  return {
    version: 1,
    kind: 'sqlite',
    schemaDigest: schemaDigest(database),
    userVersion: pragma('user_version'),
    applicationId: pragma('application_id'),
    pageSize: pragma('page_size'),
    pages: pragma('page_count'),
    tables: tablesOf(database),
  }
}

/** Over everything that the schema defines, in an order of names. */
function schemaDigest(database: DatabaseSync): string {
  const digest = createHash('sha256')
  const rows = database.prepare(
    `SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type COLLATE BINARY, name COLLATE BINARY`,
  )
  rows.setReturnArrays(true)
  for (const row of rows.iterate()) digest.update(`${JSON.stringify(row)}\n`)
  return digest.digest('hex')
}

function tablesOf(database: DatabaseSync): TableManifest[] {
  // Virtual tables have no root page.
  const rows = database.prepare(
    `SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name COLLATE BINARY`,
  )
  return rows.all().map((row) => {
    const name = String(row['name'])
    return { name, ...digestTable(database, name) }
  })
}

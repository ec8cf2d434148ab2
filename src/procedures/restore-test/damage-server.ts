import { isFailure } from '../../base/failure.ts'
import type { PostgresqlManifest } from '../../model/manifest.ts'
import { connectPostgresql } from '../../sources/postgresql/connection.ts'

/** What was damaged. */
export interface ServerDamage {
  /** A sentence. */
  readonly told: string
  /** The table that lost a row; undefined where a table was added. */
  readonly table: { readonly database: string; readonly name: string } | undefined
}

/** Removes a row of the smallest table that has one and lets it go; where there is none, adds a table. */
export async function damageServer(
  { url, databases }: { readonly url: string; readonly databases: PostgresqlManifest['databases'] },
  signal: AbortSignal,
): Promise<ServerDamage> {
  // What a sample leaves out, no comparison finds.
  const tables = databases
    .flatMap(({ name: database, tables: some }) => some.map((table) => ({ ...table, database })))
    .filter(({ rows, sampled }) => rows > 0 && sampled === undefined)
    .toSorted((a, b) => a.rows - b.rows)
  for (const { database, name } of tables) {
    await using sql = await connectPostgresql({ url }, { kind: 'sql', database }, signal)
    try {
      const removed = await sql.query(`DELETE FROM ${name} WHERE ctid = (SELECT ctid FROM ${name} LIMIT 1) RETURNING 1`)
      if (removed.length === 0) continue // A try that was killed took the only one.
      return { told: `a row of table ${name} of database ${database} was removed`, table: { database, name } }
    } catch (error) {
      if (!isFailure(error)) throw error // A view, or a trigger that refuses: another table is taken.
    }
  }
  const database = databases[0]?.name ?? 'postgres'
  await using sql = await connectPostgresql({ url }, { kind: 'sql', database }, signal)
  await sql.query(`CREATE TABLE IF NOT EXISTS zakops_negative_control ()`)
  return { told: `a table was added to database ${database}`, table: undefined }
}

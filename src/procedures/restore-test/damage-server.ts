import { isFailure } from '../../base/failure.ts'
import type { PostgresqlManifest } from '../../model/manifest.ts'
import { connectPostgresql, type PostgresqlConnection } from '../../sources/postgresql/connection.ts'

/** What was damaged. */
export interface ServerDamage {
  /** A sentence. */
  readonly told: string
  /** The table that lost a row; undefined where a table was added. */
  readonly table: { readonly database: string; readonly name: string } | undefined
}

/**
 * Removes a row of the smallest table that has one and lets it go; where there is none, adds a table. No trigger and no rule of
 * the cluster runs, since it may call what is outside: tables of which they would all the same are left alone.
 */
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
    await using sql = await openQuietly(url, database, signal)
    try {
      if (await runsAlways(sql, name)) continue
      const one = `SELECT ctid FROM ONLY ${name} LIMIT 1`
      const removed = await sql.query(`DELETE FROM ONLY ${name} WHERE ctid = (${one}) RETURNING 1`)
      if (removed.length === 0) continue // A try that was killed took the only one.
      return { told: `a row of table ${name} of database ${database} was removed`, table: { database, name } }
    } catch (error) {
      if (!isFailure(error)) throw error // A view, or what refuses to be deleted: another table is taken.
    }
  }
  const database = databases[0]?.name ?? 'postgres'
  await using sql = await openQuietly(url, database, signal)
  await sql.query(`CREATE TABLE IF NOT EXISTS zakops_negative_control ()`)
  return { told: `a table was added to database ${database}`, table: undefined }
}

/** Whether a table has triggers or rules that run for a replica too. */
async function runsAlways(sql: PostgresqlConnection, name: string): Promise<boolean> {
  const [found] = await sql.query(
    `SELECT 1 FROM pg_trigger WHERE tgrelid = $1::regclass AND tgenabled IN ('A', 'R')
      UNION ALL SELECT 1 FROM pg_rewrite WHERE ev_class = $1::regclass AND ev_enabled IN ('A', 'R')`,
    [name],
  )
  return found !== undefined
}

async function openQuietly(url: string, database: string, signal: AbortSignal): Promise<PostgresqlConnection> {
  const sql = await connectPostgresql({ url }, { kind: 'sql', database }, signal)
  try {
    await sql.query('SET session_replication_role = replica')
    return sql
  } catch (error) {
    await sql.close()
    throw error
  }
}

import { isFailure } from '../../base/failure.ts'
import type { PostgresqlManifest } from '../../model/manifest.ts'
import { connectPostgresql, type PostgresqlConnection } from '../../sources/postgresql/connection.ts'

/** What was damaged. */
export interface ServerDamage {
  /** A sentence. */
  readonly told: string
  /** The table that has another value or lost a row; undefined where a table was added. */
  readonly table: { readonly database: string; readonly name: string } | undefined
}

/**
 * Changes a value of the smallest table that has a row and lets it be changed, so that only its digest can tell; else removes that row;
 * where there is none, adds a table. No trigger, rule or function of the cluster runs, since it may call what is outside: tables
 * of which they would all the same are left alone.
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
      if (await changeValue(sql, name)) {
        return {
          told: `a value in a row of table ${name} of database ${database} was changed`,
          table: { database, name },
        }
      }
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

/** A column of numbers or text that nothing but itself depends on: no index that computes, no constraint, no generated column. */
const plainColumn = `
  SELECT quote_ident(a.attname) AS name, a.atttypid = 'text'::regtype AS is_text
    FROM pg_attribute a
   WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = ''
     AND a.atttypid IN ('int4'::regtype, 'int8'::regtype, 'text'::regtype)
     AND NOT EXISTS (SELECT FROM pg_attribute g WHERE g.attrelid = a.attrelid AND g.attgenerated <> '')
     AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conrelid = a.attrelid AND c.contype IN ('c', 'x'))
     AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid
                      AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL OR i.indisunique AND a.attnum = ANY (i.indkey)))
   ORDER BY a.attnum LIMIT 1`

/** False where there is nothing to be changed, or a constraint refuses. Twice may be as none. */
async function changeValue(sql: PostgresqlConnection, name: string): Promise<boolean> {
  const [column] = await sql.query(plainColumn, [name])
  if (column === undefined) return false
  const other = column.is_text === 't' ? `${column.name} || 'x'` : `${column.name} # 1`
  const one = `SELECT ctid FROM ONLY ${name} WHERE ${column.name} IS NOT NULL LIMIT 1`
  const sentence = `UPDATE ONLY ${name} SET ${column.name} = ${other} WHERE ctid = (${one}) RETURNING 1`
  try {
    return (await sql.query(sentence)).length > 0
  } catch (error) {
    if (!isFailure(error)) throw error
    return false // It may still be deleted.
  }
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

import { isFailure } from '../../base/failure.ts'
import type { PostgresqlManifest } from '../../model/manifest.ts'
import { connectPostgresql } from '../../sources/postgresql/connection.ts'

/** Removes a row of the first table that has one and lets it go; where there is none, adds a table. */
export async function damageServer(
  { url, databases }: { readonly url: string; readonly databases: PostgresqlManifest['databases'] },
  signal: AbortSignal,
): Promise<string> {
  for (const { name: database, tables } of databases) {
    await using sql = await connectPostgresql({ url }, { kind: 'sql', database }, signal)
    for (const { name, rows, sampled } of tables) {
      if (rows === 0 || sampled !== undefined) continue // What a sample leaves out, no comparison finds.
      try {
        await sql.query(`DELETE FROM ${name} WHERE ctid = (SELECT ctid FROM ${name} LIMIT 1)`)
        return `a row of table ${name} of database ${database} was removed`
      } catch (error) {
        if (!isFailure(error)) throw error // A view, or a trigger that refuses: another table is taken.
      }
    }
  }
  const database = databases[0]?.name ?? 'postgres'
  await using sql = await connectPostgresql({ url }, { kind: 'sql', database }, signal)
  await sql.query(`CREATE TABLE IF NOT EXISTS zakops_negative_control ()`)
  return `a table was added to database ${database}`
}

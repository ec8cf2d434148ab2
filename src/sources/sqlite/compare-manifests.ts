import type { SqliteManifest, TableManifest } from '../../model/manifest.ts'

/** In what the second manifest differs from the first, one sentence each; none where they are equal. */
export function compareSqliteManifests(expected: SqliteManifest, found: SqliteManifest): string[] {
  const differences: string[] = []
  const compare = (what: string, wanted: string | number, is: string | number): void => {
    if (wanted !== is) differences.push(`${what} is ${is}, expected ${wanted}`)
  }
  compare('the digest of the schema', expected.schemaDigest, found.schemaDigest)
  compare('user_version', expected.userVersion, found.userVersion)
  compare('application_id', expected.applicationId, found.applicationId)
  compare('the page size', expected.pageSize, found.pageSize)
  compare('the number of pages', expected.pages, found.pages)
  const tables = new Map<string, TableManifest>(found.tables.map((table) => [table.name, table]))
  for (const table of expected.tables) {
    const other = tables.get(table.name)
    tables.delete(table.name)
    if (other === undefined) differences.push(`table "${table.name}" is missing`)
    else if (other.rows !== table.rows) compare(`the number of rows of table "${table.name}"`, table.rows, other.rows)
    else if (other.digest !== table.digest) differences.push(`the content of table "${table.name}" is another`)
  }
  for (const name of tables.keys()) differences.push(`table "${name}" was not there`)
  return differences
}

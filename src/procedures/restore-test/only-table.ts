import type { PostgresqlManifest } from '../../model/manifest.ts'

/** The part of a manifest that speaks of one table, and of the database around it. */
export function onlyTable(
  manifest: PostgresqlManifest,
  { database, name }: { readonly database: string; readonly name: string },
): PostgresqlManifest {
  const databases = manifest.databases
    .filter((one) => one.name === database)
    .map((one) => ({ ...one, tables: one.tables.filter((table) => table.name === name) }))
  return { ...manifest, databases }
}

import type { PostgresqlManifest, TableManifest } from './manifest.ts'

/** One thing in which two manifests differ. */
export interface ManifestDifference {
  /** For people: "table public.orders of database shop: rows". */
  readonly what: string
  readonly expected: string
  readonly found: string
}

const absent = 'absent'
/** How the reason begins for which a table is in no part of a manifest but its name. */
const notRead = 'not read'

/**
 * How what was found differs from what was expected; nothing where it is proven equal. The views need not be alike, nor
 * the versions and the systems that the servers are: `sameServer` asks for that too, as for a copy of the same files.
 */
export function comparePostgresqlManifests(
  expected: PostgresqlManifest,
  found: PostgresqlManifest,
  options: { readonly sameServer?: boolean } = {},
): ManifestDifference[] {
  const differences: ManifestDifference[] = []
  const compare = (what: string, one: string | undefined, other: string | undefined): void => {
    if (one !== other) differences.push({ what, expected: one ?? absent, found: other ?? absent })
  }
  if (options.sameServer === true) {
    compare('system identifier', expected.systemIdentifier, found.systemIdentifier)
    compare('major version', major(expected), major(found))
  }
  compare('roles', expected.roles.join('; '), found.roles.join('; '))
  for (const [name, one, other] of pairs(expected.databases, found.databases)) {
    if (one === undefined || other === undefined) {
      compare(`database ${name}`, one && 'present', other && 'present')
      continue
    }
    const of = `of database ${name}`
    if (one.properties !== undefined && other.properties !== undefined)
      compare(`settings and rights ${of}`, one.properties.join('; '), other.properties.join('; '))
    compare(`schema ${of}`, one.schemaDigest, other.schemaDigest)
    compare(`extensions ${of}`, versions(one.extensions), versions(other.extensions))
    for (const [table, left, right] of pairs(one.tables, other.tables)) {
      if (left?.sampled?.startsWith(notRead) === true && right !== undefined) continue // Nothing is known to compare with.
      compare(`table ${table} ${of}`, describeTable(left), describeTable(right))
    }
    for (const [sequence, left, right] of pairs(one.sequences, other.sequences)) {
      compare(`sequence ${sequence} ${of}`, describeSequence(left), describeSequence(right))
    }
  }
  return differences
}

function describeTable(table: TableManifest | undefined): string | undefined {
  if (table === undefined) return undefined
  const { rows, digest, sampled } = table
  return `${rows} rows, digest ${digest ?? 'none'}${sampled === undefined ? '' : `, ${sampled}`}`
}

function describeSequence(
  sequence: { readonly value: string; readonly isCalled: boolean } | undefined,
): string | undefined {
  return sequence && `${sequence.value}${sequence.isCalled ? '' : ', not called yet'}`
}

function versions(extensions: readonly { readonly name: string; readonly version: string }[]): string {
  return extensions.map(({ name, version }) => `${name} ${version}`).join(', ')
}

function major({ serverVersion }: PostgresqlManifest): string {
  return `${Math.floor(serverVersion / 10_000)}`
}

/** Things of the same name on both sides, or on one. */
function pairs<Item extends { readonly name: string }>(
  expected: readonly Item[],
  found: readonly Item[],
): [string, Item | undefined, Item | undefined][] {
  const byName = new Map(found.map((item) => [item.name, item]))
  const all: [string, Item | undefined, Item | undefined][] = expected.map((item) => [
    item.name,
    item,
    byName.get(item.name),
  ])
  const known = new Set(expected.map(({ name }) => name))
  for (const item of found) if (!known.has(item.name)) all.push([item.name, undefined, item])
  return all
}

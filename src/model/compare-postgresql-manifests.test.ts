import assert from 'node:assert/strict'
import { test } from 'node:test'
import { comparePostgresqlManifests } from './compare-postgresql-manifests.ts'
import type { PostgresqlManifest } from './manifest.ts'

const table = { name: 'public.orders', rows: 2, digest: 'aa' }
const manifest: PostgresqlManifest = {
  version: 1,
  kind: 'postgresql',
  serverVersion: 150018,
  systemIdentifier: '7',
  databases: [
    {
      name: 'shop',
      schemaDigest: 'ss',
      extensions: [{ name: 'plpgsql', version: '1.0' }],
      tables: [
        table,
        { name: 'public.unread', rows: 0, digest: null, sampled: 'not read: it was rewritten meanwhile' },
      ],
      sequences: [{ name: 'public.ids', value: '7', isCalled: true }],
    },
  ],
  roles: ['app login'],
  view: { state: 'exact', restorePoint: 'point', lsn: '0/1' },
}

function changed(change: object): PostgresqlManifest {
  return { ...manifest, databases: [{ ...manifest.databases[0]!, ...change }] }
}

function whats(found: PostgresqlManifest, options = {}): string[] {
  return comparePostgresqlManifests(manifest, found, options).map(({ what }) => what)
}

test('comparePostgresqlManifests() finds nothing where only the view and the server are others', () => {
  const copy = { ...manifest, systemIdentifier: '8', serverVersion: 170010, view: { state: 'snapshot' } as const }
  assert.deepEqual(whats(copy), [])
  assert.deepEqual(whats(copy, { sameServer: true }), ['system identifier', 'major version'])
})

test('comparePostgresqlManifests() names each difference', () => {
  const unread = manifest.databases[0]!.tables[1]!
  assert.deepEqual(whats(changed({ tables: [{ ...table, digest: 'bb' }, unread] })), [
    'table public.orders of database shop',
  ])
  assert.deepEqual(whats(changed({ tables: [unread] })), ['table public.orders of database shop'])
  assert.deepEqual(whats(changed({ tables: [table, { ...unread, rows: 5, digest: 'cc' }] })), [])
  assert.deepEqual(whats(changed({ tables: [table] })), ['table public.unread of database shop'])
  assert.deepEqual(whats(changed({ schemaDigest: 'tt' })), ['schema of database shop'])
  assert.deepEqual(whats(changed({ extensions: [] })), ['extensions of database shop'])
  assert.deepEqual(whats(changed({ sequences: [{ name: 'public.ids', value: '8', isCalled: true }] })), [
    'sequence public.ids of database shop',
  ])
  assert.deepEqual(whats(changed({ name: 'other' })), ['database shop', 'database other'])
  assert.deepEqual(whats({ ...manifest, roles: [] }), ['roles'])
})

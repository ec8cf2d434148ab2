import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../base/failure.ts'
import { decodeManifest, encodeManifest } from './manifest-json.ts'
import type { Manifest } from './manifest.ts'

const digest = 'ab'.repeat(32)
const manifests: Manifest[] = [
  { version: 1, kind: 'files', files: 1, directories: 2, symlinks: 3, others: 4, bytes: 5, digest },
  {
    version: 1,
    kind: 'sqlite',
    schemaDigest: digest,
    userVersion: -3,
    applicationId: 4,
    pageSize: 4096,
    pages: 7,
    tables: [{ name: 'a "b"\n', rows: 2, digest }],
  },
  {
    version: 1,
    kind: 'postgresql',
    serverVersion: 170010,
    systemIdentifier: '7',
    databases: [
      {
        name: 'd',
        properties: ['connection limit 5'],
        schemaDigest: digest,
        extensions: [{ name: 'e', version: '1' }],
        tables: [{ name: 'public.t', rows: 1, digest: null, sampled: 'blocks 0 to 9' }],
        sequences: [{ name: 's', value: '9', isCalled: true }],
      },
    ],
    roles: ['postgres'],
    view: { state: 'bounded', restorePoint: 'r', lsn: '0/1', transactions: ['5'] },
  },
]

test('decodeManifest() gives back what encodeManifest() wrote', () => {
  const hashed = (['seeds', 'columns'] as const).map((rowDigest) => ({ ...manifests[2]!, rowDigest }) as Manifest)
  for (const manifest of [...manifests, ...hashed]) {
    assert.deepEqual(decodeManifest(encodeManifest(manifest)), manifest)
  }
})

test('encodeManifest() gives the same bytes whatever the order of the members', () => {
  for (const manifest of manifests) {
    const turned = Object.fromEntries(Object.entries(manifest).toReversed()) as unknown as Manifest
    assert.deepEqual(encodeManifest(turned), encodeManifest(manifest))
  }
  assert.match(
    encodeManifest(manifests[0]!).toString(),
    /^\{"bytes":5,"digest":"(ab)+","directories":2,.*"version":1\}\n$/,
  )
})

test('decodeManifest() refuses what is no manifest, and names what is wrong', () => {
  const bad: [string, RegExp][] = [
    ['', /it is not JSON/],
    ['[]', /Cannot read a manifest/],
    ['{"version":1,"kind":"files"}', /files/],
    [JSON.stringify({ ...manifests[0], digest: 'x' }), /digest/],
    [JSON.stringify({ ...manifests[0], more: 1 }), /more/],
    [JSON.stringify({ ...manifests[0], bytes: -1 }), /bytes/],
    [JSON.stringify({ ...manifests[2], rowDigest: 'of another version' }), /rowDigest/],
  ]
  for (const [text, message] of bad) {
    assert.throws(
      () => decodeManifest(Buffer.from(text)),
      (error) => isFailure(error, 'repository_damaged') && message.test(error.message),
      text,
    )
  }
  assert.throws(
    () => decodeManifest(Buffer.from('{"version":2}')),
    (error) => isFailure(error, 'repository_unsupported'),
  )
})

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { SnapshotBuilder } from '../../../testing/snapshot-builder.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { encodeName } from '../../base/byte-name.ts'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { restoreServerFiles } from './restore-data-folder.ts'

type Job = Parameters<typeof restoreServerFiles>[0]

/** What the server says of a file: its content, or nothing of it. */
function manifestOf(files: Readonly<Record<string, { readonly size: number; readonly says?: string }>>): string {
  const lines = Object.entries(files).map(([path, { size, says }]) => {
    const digest = says === undefined ? '' : `, "Checksum-Algorithm": "SHA256", "Checksum": "${hash('sha256', says)}"`
    const name = path.isWellFormed()
      ? `"Path": "${path}"`
      : `"Encoded-Path": "${Buffer.from(encodeName(path)).toString('hex')}"`
    return `{ ${name}, "Size": ${size}, "Last-Modified": "2026-11-25 03:00:00 GMT"${digest} }`
  })
  const body = `{ "PostgreSQL-Backup-Manifest-Version": 2,\n"Files": [\n${lines.join(',\n')}\n],\n"WAL-Ranges": [],\n`
  return `${body}"Manifest-Checksum": "${hash('sha256', body)}"}\n`
}

/** Restores a snapshot of a data directory with two files and this manifest; answers the problems. */
async function problemsWith(manifest: string, into: string): Promise<readonly string[]> {
  const repository = await freshRepository()
  const builder = new SnapshotBuilder(repository)
  const folder = builder.directory('base', [builder.file('1', ['pages']), builder.file(notUtf8, ['latin'])])
  const files = [builder.file('PG_VERSION', ['18\n']), builder.file('backup_manifest', [manifest]), folder]
  const wal = builder.directory('pg_wal', [])
  const tree = builder.tree([builder.directory('main', [...files, wal])])
  await builder.end()
  const opened = { repository, snapshot: { id: tree, tree }, signal: neverStopped() }
  const watch = { progress: () => {}, notice: () => {} }
  const job = { installation: { clock: systemClock }, opened, order: { source: 'main' }, watch } as unknown as Job
  return (await restoreServerFiles(job, into)).problems
}

/** As a server names the files of an extension in its own encoding. */
const notUtf8 = 'Br\udcfccke'
const right = {
  PG_VERSION: { size: 3, says: '18\n' },
  'base/1': { size: 5, says: 'pages' },
  [`base/${notUtf8}`]: { size: 5, says: 'latin' },
}

test('restoreServerFiles() holds what it restored to what the server said of each file', async () => {
  await using folder = temporaryFolder('server-files')
  const cases: [manifest: string, problems: readonly string[]][] = [
    [manifestOf(right), []],
    [manifestOf({ ...right, 'base/1': { size: 5 } }), []], // Put together from changes: nobody knows its digest.
    [
      manifestOf({ ...right, 'base/1': { size: 5, says: 'other' } }),
      [
        `/main/base/1: Read back after the restore: its SHA-256 is ${hash('sha256', 'pages')}, expected ${hash('sha256', 'other')}`,
      ],
    ],
    [manifestOf({ ...right, 'base/1': { size: 6, says: 'pages' } }), ['base/1: it has 5 bytes, expected 6']],
    [
      manifestOf({ ...right, 'base/2': { size: 5, says: 'pages' } }),
      ['/main/base/2: Read back after the restore: the snapshot has no such file'],
    ],
    [
      manifestOf({ PG_VERSION: right.PG_VERSION }),
      ['base/1: the manifest does not name it', 'base/Br\\xfccke: the manifest does not name it'],
    ],
  ]
  for (const [at, [manifest, problems]] of cases.entries()) {
    assert.deepEqual(await problemsWith(manifest, folder.at(`${at}`)), problems)
  }
})

test('restoreServerFiles() refuses a manifest that is not the server’s, and what lies in the target besides', async () => {
  await using folder = temporaryFolder('server-files')
  const changed = manifestOf(right).replace('"Size": 5', '"Size": 4')
  await assert.rejects(problemsWith(changed, folder.at('changed')), /its checksum does not fit/)
  assert.deepEqual(await problemsWith(manifestOf(right), folder.at('again')), [])
  writeFileSync(folder.at('again', 'base', 'planted'), '')
  assert.deepEqual(await problemsWith(manifestOf(right), folder.at('again')), [
    'base/planted: the manifest does not name it',
  ])
  // It has the size that the manifest names, and is none that came back.
  for (const says of ['fresh', undefined]) {
    writeFileSync(folder.at('again', 'base', 'planted'), 'stale')
    const named = { size: 5, ...(says !== undefined && { says }) }
    const problems = await problemsWith(manifestOf({ ...right, 'base/planted': named }), folder.at('again'))
    assert.deepEqual(problems, ['/main/base/planted: Read back after the restore: the snapshot has no such file'])
  }
})

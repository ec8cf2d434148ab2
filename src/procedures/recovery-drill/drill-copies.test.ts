import assert from 'node:assert/strict'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { samplePolicyPath, samplePolicyText } from '../../../testing/sample-policy.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import { memoryCatalog } from '../../catalog/memory/memory-catalog.ts'
import { readPolicy } from '../../model/policy/read-policy.ts'
import { copiesOfProduction, removeCopies } from './drill-copies.ts'
import { type SourceRecovered, targetFolder } from './source-recovered.ts'

const signal = neverStopped()
const process = { host: 'here', processId: 1, birth: undefined }

/** A policy whose production is below a folder: files, a database, and a server that nobody answers for. */
function installationOf(folder: string, catalog: Catalog) {
  const text = samplePolicyText
    .replace('/srv/documents', join(folder, 'documents'))
    .replace('/srv/orders.db', join(folder, 'orders.db'))
    .replace('localhost:5432', '127.0.0.1:1')
  const programs = { searchPath: '', homeFolder: undefined, packageFolders: [], sharedFolder: folder }
  const { policy } = readPolicy(text, samplePolicyPath)
  return { policy, programs, catalog, process, clock: systemClock, secret: async () => '' }
}

function came(source: string, outcome: SourceRecovered['outcome'] = 'equal'): SourceRecovered {
  const found = { outcome, backup: 'a'.repeat(64) as never, takenAt: null, bytes: 1, durationMs: 1, differences: [] }
  return { source, ...found, ...(source === 'main' && { systemIdentifier: '7' }) }
}

const all = ['main', 'orders', 'documents'].map((source) => came(source))

async function beginBackup(catalog: Catalog, host: string): Promise<void> {
  const run = {
    id: `run-${host}`,
    procedure: 'backup',
    trigger: 'schedule',
    source: undefined,
    dueAt: undefined,
  } as const
  await catalog.beginRun({ ...run, startedAt: new Date(0), process: { ...process, host } })
}

test('copiesOfProduction() are sources that are in their place, on the machine that took backups, and no others', async () => {
  await using folder = temporaryFolder('copies')
  await using catalog = memoryCatalog()
  const installation = installationOf(folder.path, catalog)
  const copies = (): Promise<readonly string[]> => copiesOfProduction(installation, all, signal)
  mkdirSync(folder.at('documents'))
  writeFileSync(folder.at('documents/letter'), 'a letter')
  writeFileSync(folder.at('orders.db'), 'a database')
  await beginBackup(catalog, 'elsewhere')
  assert.deepEqual(await copies(), [], 'on a machine that took none')
  await beginBackup(catalog, 'here')
  assert.deepEqual(await copies(), ['orders', 'documents'], 'a server that does not answer may be gone')
  rmSync(folder.at('documents/letter'))
  writeFileSync(folder.at('orders.db'), '')
  assert.deepEqual(await copies(), [], 'places without anything in them')
  rmSync(folder.at('documents'), { recursive: true })
  rmSync(folder.at('orders.db'))
  assert.deepEqual(await copies(), [], 'places that are not there')
})

test('removeCopies() removes the copies alone, empties the root where nothing stays, and may be run twice', async () => {
  await using folder = temporaryFolder('copies')
  await using catalog = memoryCatalog()
  const installation = installationOf(folder.path, catalog)
  const into = folder.at('drill')
  const [run, order] = ['run-1', { into, shares: [] }]
  const folderOf = (source: string): string => targetFolder(installation, { into, source, run })
  let emptied = 0
  const drill = { order, run, emptyRoot: async () => void (emptied += 1) }
  for (const { source } of all) mkdirSync(folderOf(source), { recursive: true })
  for (let times = 0; times < 2; times++) {
    const left = await removeCopies(installation, drill, { copies: ['orders', 'main'], recovered: all })
    const kept = [{ source: 'documents', folder: folderOf('documents') }]
    assert.deepEqual(left, { removed: ['orders', 'main'], kept })
  }
  assert.deepEqual(
    all.map(({ source }) => existsSync(folderOf(source))),
    [false, false, true],
  )
  assert.equal(emptied, 0)
  const lost = { ...came('orders', 'lost'), backup: null }
  await removeCopies(installation, drill, { copies: ['documents'], recovered: [lost, came('documents')] })
  assert.equal(existsSync(folderOf('documents')), false)
  assert.equal(emptied, 1)
})

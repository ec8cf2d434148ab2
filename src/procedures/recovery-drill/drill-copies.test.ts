import assert from 'node:assert/strict'
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
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
function installationOf(folder: string, catalog: Catalog, serverUrl = 'postgresql://backup@127.0.0.1:1/postgres') {
  const text = samplePolicyText
    .replace('/srv/documents', join(folder, 'documents'))
    .replace('/srv/orders.db', join(folder, 'orders.db'))
    .replace('postgresql://backup@localhost:5432/postgres', serverUrl)
  const programs = { searchPath: '', homeFolder: undefined, packageFolders: [], sharedFolder: folder }
  const { policy } = readPolicy(text, samplePolicyPath)
  return { policy, programs, catalog, process, clock: systemClock, secret: async () => '' }
}

function came(source: string, outcome: SourceRecovered['outcome'] = 'equal'): SourceRecovered {
  const found = { outcome, backup: 'a'.repeat(64) as never, takenAt: null, bytes: 1, durationMs: 1, differences: [] }
  return { source, ...found, ...(source === 'main' && { systemIdentifier: '7' }) }
}

const all = ['main', 'orders', 'documents'].map((source) => came(source))

async function beginBackup(catalog: Catalog, host: string, end: 'done' | 'failed' = 'done'): Promise<void> {
  const id = `run-${host}-${end}`
  const run = {
    id,
    procedure: 'backup',
    trigger: 'schedule',
    source: undefined,
    dueAt: undefined,
  } as const
  await catalog.beginRun({ ...run, startedAt: new Date(0), process: { ...process, host } })
  const endedAt = new Date(1)
  await catalog.endRun(
    id,
    end === 'done'
      ? { state: 'done', endedAt, summary: '' }
      : { state: 'failed', endedAt, failure: 'source_unreadable', message: '' },
  )
}

test('copiesOfProduction() are sources that are in their place, on the machine that took backups, and no others', async () => {
  await using folder = temporaryFolder('copies')
  await using catalog = memoryCatalog()
  const installation = installationOf(folder.path, catalog)
  const restored = { order: { into: folder.at('drill'), shares: [] }, run: 'run-1', recovered: all }
  const copies = (): Promise<readonly string[]> => copiesOfProduction(installation, restored, signal)
  mkdirSync(folder.at('documents'))
  writeFileSync(folder.at('documents/letter'), 'a letter')
  writeFileSync(folder.at('orders.db'), 'a database')
  await beginBackup(catalog, 'elsewhere')
  await beginBackup(catalog, 'here', 'failed')
  assert.deepEqual(await copies(), [], 'on a machine that took none')
  await beginBackup(catalog, 'here')
  assert.deepEqual(await copies(), ['orders', 'documents'], 'a server that does not answer may be gone')
  rmSync(folder.at('documents/letter'))
  writeFileSync(folder.at('orders.db'), '')
  assert.deepEqual(await copies(), [], 'places without anything in them')
  mkdirSync(folder.at('documents/lost+found'))
  writeFileSync(folder.at('documents/empty'), '')
  assert.deepEqual(await copies(), [], 'places without content in them')
  rmSync(folder.at('documents'), { recursive: true })
  rmSync(folder.at('orders.db'))
  assert.deepEqual(await copies(), [], 'places that are not there')
})

test('copiesOfProduction() are none where production is what the drill restored', async () => {
  await using folder = temporaryFolder('copies')
  await using catalog = memoryCatalog()
  await beginBackup(catalog, 'here')
  const place = folder.at('documents')
  const installation = installationOf(folder.path, catalog)
  const recovered = [came('documents')]
  const copiesIn = (into: string): Promise<readonly string[]> =>
    copiesOfProduction(installation, { order: { into, shares: [] }, run: 'run-1', recovered }, signal)
  const letterIn = (into: string): string => {
    const restored = targetFolder(installation, { into, source: 'documents', run: 'run-1' })
    mkdirSync(restored, { recursive: true })
    writeFileSync(join(restored, 'letter'), 'a letter')
    return restored
  }
  mkdirSync(place)
  letterIn(join(place, 'drill'))
  assert.deepEqual(await copiesIn(join(place, 'drill')), [], 'a drill inside of an empty production')
  letterIn(place)
  assert.deepEqual(await copiesIn(place), [], 'a drill in the empty place of production')
  writeFileSync(join(place, 'own'), 'a letter of production')
  assert.deepEqual(await copiesIn(join(place, 'drill')), ['documents'], 'what else is there is production')
  rmSync(place, { recursive: true })
  const restored = letterIn(folder.at('drill'))
  symlinkSync(restored, place)
  assert.deepEqual(await copiesIn(folder.at('drill')), [], 'production is a link to what was restored')
  rmSync(place)
  symlinkSync(folder.at('gone'), place)
  assert.deepEqual(await copiesIn(folder.at('drill')), [], 'production is a link to nothing')
})

postgresqlTest(
  'copiesOfProduction() is no server that was started on what the drill restored',
  { versions: [18] },
  async ({ server }) => {
    await using folder = temporaryFolder('copies')
    await using catalog = memoryCatalog()
    await beginBackup(catalog, 'here')
    const installation = installationOf(folder.path, catalog, server.url)
    const systemIdentifier = await server.psql('SELECT system_identifier FROM pg_control_system()')
    const [into, run] = [folder.at('drill'), 'run-1']
    const restored = { order: { into, shares: [] }, run, recovered: [{ ...came('main'), systemIdentifier }] }
    const data = targetFolder(installation, { into, source: 'main', run })
    mkdirSync(data)
    assert.deepEqual(await copiesOfProduction(installation, restored, signal), ['main'])
    writeFileSync(join(data, 'postmaster.pid'), '1')
    assert.deepEqual(await copiesOfProduction(installation, restored, signal), [])
  },
)

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

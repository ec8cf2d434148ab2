import assert from 'node:assert/strict'
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { neverStopped } from '../../base/abort.ts'
import { Failure } from '../../base/failure.ts'
import { hash } from 'node:crypto'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { amcheckEverything, amcheckSandbox } from './amcheck.ts'
import type { ManifestFile } from './backup-manifest.ts'
import { verifyPages } from './verify-pages.ts'
import { verifyRestoredFiles } from './verify-restored-files.ts'
import { verifyServerPages } from './verify-server-pages.ts'

const signal = neverStopped()

function overwrite(path: string, at: number, bytes: Buffer): void {
  const file = openSync(path, 'r+')
  writeSync(file, bytes, 0, bytes.length, at)
  closeSync(file)
}

postgresqlTest(
  'verifyPages() and amcheckSandbox() pass a sound cluster and find one changed byte, each in its way',
  { versions: [15, 18] },
  async ({ server }) => {
    await server.psql(
      'create table rows as select n, md5(n::text) as t from generate_series(1, 20000) n; create index rows_n on rows (n)',
    )
    const [table, index] = (
      await server.psql("select pg_relation_filepath('rows'), pg_relation_filepath('rows_n')")
    ).split('|')
    // As one that tells production of each change of the schema.
    await server.psql(`create table heard (what text); create function hear() returns event_trigger language plpgsql as
      $$ begin insert into heard values (tg_tag); end $$; create event trigger ear on ddl_command_end execute function hear()`)
    const sound = await amcheckSandbox(server.url, amcheckEverything, signal)
    assert.deepEqual(
      sound.map(({ database, state, faults }) => [database, state, faults]),
      [
        ['postgres', 'checked', []],
        ['template1', 'checked', []],
      ],
    )
    assert.ok(sound[0]!.indexes > 100 && sound[0]!.tables > 60)
    assert.equal(await server.psql('select * from heard'), '')
    assert.deepEqual(await verifyServerPages(server, signal), [])
    assert.deepEqual(await verifyServerPages(server, signal, async () => ['found meanwhile']), ['found meanwhile'])
    await server.stop()
    const pages = await verifyPages(server.dataFolder, 8192, signal)
    assert.deepEqual(pages.faults, [])
    assert.ok(pages.files > 500 && pages.pages > 1500, JSON.stringify(pages))

    const path = join(server.dataFolder, table!)
    const byte = readFileSync(path)[5 * 8192 + 8000]!
    overwrite(path, 5 * 8192 + 8000, Buffer.of(byte ^ 1))
    const broken = await verifyPages(server.dataFolder, 8192, signal)
    assert.deepEqual(
      broken.faults.map(({ path: where, block }) => [where, block]),
      [[table, 5]],
    )
    overwrite(path, 5 * 8192 + 8000, Buffer.of(byte))

    // An index page in the place of another one has a wrong checksum; with that off, only amcheck can tell.
    const indexPath = join(server.dataFolder, index!)
    const content = readFileSync(indexPath)
    overwrite(indexPath, 2 * 8192, content.subarray(4 * 8192, 5 * 8192))
    assert.equal((await verifyPages(server.dataFolder, 8192, signal)).faultCount, 1)
    server.configure({ ignore_checksum_failure: 'on' })
    await server.start()
    const told = await verifyServerPages(server, signal, () =>
      Promise.reject(new Failure('database_unreadable', 'Cannot read a page')),
    )
    assert.deepEqual([told.length, told[0]?.startsWith(`block 2 of file ${index} has checksum `)], [2, true])
    assert.equal(told[1], 'Cannot read a page')
    const found = (await amcheckSandbox(server.url, amcheckEverything, signal)).flatMap(({ faults }) => faults)
    assert.deepEqual([...new Set(found.map(({ relation }) => relation))], ['public.rows_n'])
    assert.equal(await server.psql("select count(*) from pg_extension where extname = 'amcheck'"), '0')
  },
)

postgresqlTest(
  'verifyRestoredFiles() finds what is missing, too much or of another length, and nothing else',
  { versions: [18] },
  async ({ server }) => {
    await using folder = temporaryFolder('verify')
    await server.stop()
    const files = new Map<string, ManifestFile>()
    const names = ['PG_VERSION', 'global/pg_control', 'base/1/PG_VERSION', 'postgresql.conf']
    for (const name of names) {
      const bytes = readFileSync(join(server.dataFolder, name))
      files.set(name, { size: bytes.length, sha256: hash('sha256', bytes) })
    }
    const all = await verifyRestoredFiles(server.dataFolder, { files }, signal)
    assert.ok(
      all.faults.length > 500 &&
        all.faults.every(({ state, path }) => state === 'surplus' && !path.startsWith('pg_wal')),
    )
    const data = folder.at('data')
    const copy = (): void => {
      rmSync(data, { recursive: true, force: true })
      for (const name of names) {
        const target = join(data, name)
        mkdirSync(dirname(target), { recursive: true })
        copyFileSync(join(server.dataFolder, name), target)
      }
    }
    copy()
    assert.deepEqual((await verifyRestoredFiles(data, { files }, signal)).faults, [])
    rmSync(join(data, 'base/1/PG_VERSION'))
    truncateSync(join(data, 'postgresql.conf'), 10)
    writeFileSync(join(data, 'global/planted'), 'x')
    writeFileSync(join(data, 'recovery.signal'), '')
    const { faults } = await verifyRestoredFiles(data, { files }, signal)
    assert.deepEqual(
      faults.map(({ path, state }) => `${path}: ${state}`),
      ['base/1/PG_VERSION: missing', 'global/planted: surplus', 'postgresql.conf: different'],
    )
  },
)

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { isFailure } from '../../base/failure.ts'
import { comparePostgresqlManifests } from '../../model/compare-postgresql-manifests.ts'
import { findClientTools } from '../../sources/postgresql/client-tools.ts'
import { takePostgresqlManifest } from '../../sources/postgresql/take-manifest.ts'
import { assertSound } from '../../../testing/back-up-folder.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { variety } from '../../../testing/postgresql-variety.ts'
import { runRestore } from '../../../testing/run-restore.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { noProgress } from '../progress.ts'
import { dumpPostgresql } from './dump-postgresql.ts'
import { restorePostgresqlDump, swapDatabases } from './restore-dump.ts'

postgresqlTest(
  'dumpPostgresql() gives dumps whose restore beside the old database is equal to it, and takes its place',
  { versions: [15] },
  async ({ server }) => {
    await using folder = temporaryFolder('pg-dump')
    const environment = { PATH: process.env.PATH ?? '' }
    const tools = { toolFolders: ['/nowhere', server.binFolder], environment, jobs: 2, clock: systemClock }
    await server.psql(`CREATE DATABASE shop TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-AT'`)
    await server.psql(
      `${variety}; CREATE UNLOGGED TABLE passing (id serial); CREATE TABLE large AS SELECT g FROM generate_series(1, 30000) g`,
      {
        database: 'shop',
      },
    )
    await server.psql(`
      CREATE ROLE keeper LOGIN; CREATE ROLE guest;
      ALTER DATABASE shop OWNER TO keeper; ALTER DATABASE shop CONNECTION LIMIT 7; ALTER DATABASE shop IS_TEMPLATE true;
      COMMENT ON DATABASE shop IS 'it''s \\ ours'; ALTER DATABASE shop SET search_path = odd, "$user", "with, comma", public;
      ALTER DATABASE shop SET "app.secret" = 'of \\ ''nobody'' elsewhere'; ALTER DATABASE shop SET work_mem = '5MB';
      ALTER ROLE keeper IN DATABASE shop SET statement_timeout = '5s'; ALTER DATABASE shop SET temp_tablespaces = '';
      REVOKE ALL ON DATABASE shop FROM PUBLIC; GRANT CONNECT ON DATABASE shop TO guest WITH GRANT OPTION`)
    const repository = await freshRepository()
    const dump = async (): ReturnType<typeof dumpPostgresql> =>
      await dumpPostgresql(
        {
          ...tools,
          repository,
          source: 'shop',
          connection: { url: server.url },
          workFolder: folder.at('work'),
          tableBytesMax: 900_000,
          hostname: 'host',
          parent: undefined,
          workers: 1,
        },
        { clock: systemClock, progress: noProgress, programVersion: 'test' },
        neverStopped(),
      )
    const report = await dump()
    assert.deepEqual(readdirSync(folder.at('work')), [])
    await assertSound(repository)
    const large = report.manifest.databases.flatMap(({ tables }) => tables).find(({ name }) => name === 'public.large')
    assert.deepEqual(large, { name: 'public.large', rows: 30000, digest: null, sampled: 'counted only' })
    // The same again is hardly anything: nothing in it depends on the moment but a few names and times.
    const again = await dump()
    assert.ok(again.summary.data_added < report.summary.data_added / 3)

    await runRestore({ repository, tree: report.tree, target: folder.at('restored') })
    const connection = { url: server.url }
    const database = report.dump.databases.find(({ name }) => name === 'shop')!
    const request = { ...tools, connection, database, folder: folder.at('restored/shop') }
    await assert.rejects(restorePostgresqlDump({ ...request, newName: 'shop' }, neverStopped()), (error) =>
      isFailure(error, 'refused'),
    )
    // Of the connection that waits for pg_restore.
    await server.psql(`ALTER DATABASE postgres SET idle_session_timeout = '50ms'`)
    await restorePostgresqlDump({ ...request, newName: 'shop_restored' }, neverStopped())
    await server.psql('ALTER DATABASE postgres RESET idle_session_timeout')
    const original = report.manifest.databases.filter(({ name }) => name === 'shop')
    const expected = { ...report.manifest, databases: original }
    const like = { like: expected, databases: [{ name: 'shop_restored', as: 'shop' }] }
    const found = await takePostgresqlManifest(connection, like, neverStopped())
    assert.deepEqual(comparePostgresqlManifests(expected, found), [])

    // What the database is besides its content, byte for byte.
    const [before, after] = [await server.psql(propertiesOf('shop')), await server.psql(propertiesOf('shop_restored'))]
    assert.equal(after, before)
    assert.match(before, /^7\|t\|keeper\|it's \\ ours\|\{guest=c\*.*\|.*search_path=odd, .*statement_timeout=5s/)
    const [told] = expected.databases
    assert.ok(told?.properties?.includes('connection limit 7') && !told.properties.join().includes('nobody'))
    await server.psql('ALTER DATABASE shop_restored CONNECTION LIMIT 8')
    const other = await takePostgresqlManifest(connection, like, neverStopped())
    assert.deepEqual(
      comparePostgresqlManifests(expected, other).map(({ what }) => what),
      ['settings and rights of database shop'],
    )

    const provider = `SELECT datlocprovider FROM pg_database WHERE datname = 'shop_restored'`
    assert.equal(await server.psql(provider), 'i')

    await server.psql('CREATE TABLE newer AS SELECT 1 AS one', { database: 'shop' })
    const names = { current: 'shop', restored: 'shop_restored', keepAs: 'shop_before' }
    await swapDatabases(connection, names, neverStopped())
    assert.equal(await server.psql("SELECT to_regclass('newer') IS NULL", { database: 'shop' }), 't')
    assert.equal(await server.psql('SELECT one FROM newer', { database: 'shop_before' }), '1')
    await assert.rejects(
      swapDatabases(connection, { current: 'shop', restored: 'nothing', keepAs: 'other' }, neverStopped()),
      (error) => isFailure(error),
    )
    assert.equal(await server.psql('SELECT 1', { database: 'shop' }), '1')

    const broken = { ...request, folder: folder.at('work'), newName: 'never' }
    await assert.rejects(restorePostgresqlDump(broken, neverStopped()), (error) => isFailure(error, 'command_failed'))
    assert.equal(await server.psql("SELECT count(*) FROM pg_database WHERE datname = 'never'"), '0')
  },
)

test('findClientTools() refuses where there is no pg_dump that is new enough', async () => {
  const search = findClientTools([join(import.meta.dirname, 'nowhere')], 15, systemClock, neverStopped())
  await assert.rejects(search, (error) => isFailure(error, 'unsupported'))
  const folder = '/usr/lib/postgresql/15/bin'
  await assert.rejects(findClientTools([folder], 99, systemClock, neverStopped()), (error) =>
    isFailure(error, 'unsupported'),
  )
})

function propertiesOf(database: string): string {
  return `SELECT datconnlimit, datistemplate, pg_get_userbyid(datdba), shobj_description(oid, 'pg_database'),
                 ARRAY(SELECT unnest(datacl)::text ORDER BY 1),
                 (SELECT array_agg(setconfig::text ORDER BY setrole) FROM pg_db_role_setting WHERE setdatabase = oid)
            FROM pg_database WHERE datname = '${database}'`
}

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PostgresqlManifest } from '../../model/manifest.ts'
import { neverStopped } from '../../base/abort.ts'
import { assertSound, reopened, storedEntries } from '../../../testing/back-up-folder.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { variety } from '../../../testing/postgresql-variety.ts'
import { backUpServer } from '../../../testing/back-up-server.ts'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { runWell } from '../../../testing/run-program.ts'
import { runRestore } from '../../../testing/run-restore.ts'
import { startRestoredCluster } from '../../../testing/start-restored-cluster.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { parseBackupManifest } from '../../sources/postgresql/backup-manifest.ts'
import type { Repository } from '../../repository/repository.ts'
import { comparePostgresqlManifests, type ManifestDifference } from '../../model/compare-postgresql-manifests.ts'
import { takePostgresqlManifest } from '../../sources/postgresql/take-manifest.ts'

const pgbench = '/usr/lib/postgresql/15/bin/pgbench'

postgresqlTest(
  'backUpPostgresql() of a server under load gives a directory that starts, with its tablespaces',
  { versions: [15, 17] },
  async ({ server }) => {
    await using folder = temporaryFolder('pg-backup')
    const space = folder.at('space')
    mkdirSync(space)
    if (process.getuid!() === 0) chownSync(space, server.owner.uid, server.owner.gid)
    await runWell('chmod', ['755', folder.path])
    await server.psql(`CREATE TABLESPACE elsewhere LOCATION '${space}'`)
    await server.psql(
      'CREATE TABLE apart TABLESPACE elsewhere AS SELECT g AS id, md5(g::text) AS text FROM generate_series(1, 5000) g',
    )
    await server.psql(variety)
    await server.psql('CREATE DATABASE "other Db"')
    await server.psql('CREATE TABLE notes AS SELECT 1 AS id', { database: 'other Db' })
    await runWell(pgbench, ['-i', '-q', '-s', '2', server.url])
    const load = spawn(pgbench, ['-n', '-c', '3', '-T', '60', server.url], { stdio: 'ignore' })
    const repository = await freshRepository()
    const report = await backUpServer(repository, server)
    load.kill('SIGKILL')
    assert.equal(report.facts.tablespaces.length, 1)
    await assertSound(repository)

    const target = folder.at('restored')
    await runRestore({ repository, tree: report.tree, target })
    await using work = temporaryFolder('pg-work')
    await using restored = await startRestoredCluster(server, join(target, 'orders'), work.path)
    const manifest = report.manifest!
    assert.equal(manifest.view.state, 'exact')
    assert.deepEqual(await differences(restored.url, manifest), [])
    assert.deepEqual(
      manifest.databases.map(({ name }) => name),
      ['other Db', 'postgres'],
    )
    assert.equal(await restored.psql('SELECT count(*), sum(id) FROM apart'), '5000|12502500')
    const balance = 'SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(bbalance) FROM pgbench_branches)'
    assert.equal(await restored.psql(`${balance}, (SELECT count(*) FROM pgbench_accounts)`), 't|200000')
    assert.equal(
      await restored.psql('SELECT sum(delta) = (SELECT sum(tbalance) FROM pgbench_tellers) FROM pgbench_history'),
      't',
    )
    // What was restored is a server like any other, also with its tablespaces where they are now.
    const again = await backUpServer(repository, restored, { parent: await latest(repository) })
    const second = folder.at('again')
    await runRestore({ repository, tree: again.tree, target: second })
    await using moreWork = temporaryFolder('pg-work')
    writeFileSync(join(second, 'orders/recovery.signal'), '') // So that it begins a new timeline.
    const settings = ['restore_command=false']
    await using twice = await startRestoredCluster(server, join(second, 'orders'), moreWork.path, settings)
    const third = await backUpServer(repository, twice, { manifest: 'none' })
    assert.equal(third.facts.timeline, 2)
    const names = [...(await storedEntries(repository, third.tree)).keys()]
    assert.ok(names.includes('orders/pg_wal/00000002.history'))
    assert.deepEqual(await differences(twice.url, again.manifest!), [])
    assert.equal(await twice.psql('SELECT count(*), sum(id) FROM apart'), '5000|12502500')

    // A manifest that could not find anything amiss would prove nothing.
    await restored.psql("UPDATE odd.kinds SET note = 'other' WHERE id = 2")
    await restored.psql('DELETE FROM notes', 'other Db')
    await restored.psql('ALTER TABLE apart ADD COLUMN more int')
    await restored.psql("SELECT nextval('odd.kinds_id_seq') FROM generate_series(1, 100)")
    assert.deepEqual(
      (await differences(restored.url, manifest)).map(({ what }) => what),
      [
        'table public.notes of database other Db',
        'schema of database postgres',
        'table odd.kinds of database postgres',
        'table public.apart of database postgres',
        'sequence odd.kinds_id_seq of database postgres',
      ],
    )
  },
)

postgresqlTest(
  'backUpPostgresql() since a parent reads changed blocks only, and the whole starts and is equal',
  { versions: [17, 18], settings: { summarize_wal: 'on' } },
  async ({ server }) => {
    await using folder = temporaryFolder('pg-backup')
    const repository = await freshRepository()
    await runWell(pgbench, ['-i', '-q', '-s', '2', server.url])
    await server.psql(`
      CREATE TABLE shrinks AS SELECT g AS id, repeat('x', 500) AS text FROM generate_series(1, 20000) g;
      CREATE TABLE still AS SELECT g AS id, repeat(md5(g::text), 30) AS text FROM generate_series(1, 60000) g;
      CREATE TABLE goes AS SELECT 1 AS one;
      CREATE TABLE emptied AS SELECT g AS id FROM generate_series(1, 20000) g`)
    await server.psql('VACUUM') // Else reading would change every page: it notes there what it found out.
    const full = await backUpServer(repository, server)
    assert.equal(full.facts.transfer, 'full')

    let parent = await latest(repository)
    for (const round of [1, 2]) {
      const load = spawn(pgbench, ['-n', '-c', '3', '-T', '60', server.url], { stdio: 'ignore' })
      await server.psql(`
        UPDATE pgbench_accounts SET abalance = abalance WHERE aid % 997 = ${round};
        DELETE FROM shrinks WHERE id > ${15000 - 5000 * round};
        CREATE TABLE new${round} AS SELECT g AS id FROM generate_series(1, 5000) g`)
      if (round === 1) await server.psql('DROP TABLE goes; TRUNCATE emptied')
      await server.psql('VACUUM shrinks') // Cuts off its end.
      const report = await backUpServer(await reopened(repository), server, { parent })
      load.kill('SIGKILL')
      assert.equal(report.facts.transfer, 'incremental')
      assert.equal(report.parentId, parent.id)
      assert.deepEqual(report.warnings, [])
      assert.ok(report.bytesReceived < report.summary.total_bytes_processed / 2)
      parent = await latest(repository)
      const target = folder.at(`restored${round}`)
      await runRestore({ repository: await reopened(repository), tree: report.tree, target })
      await assertFilesOfManifest(join(target, 'orders'))
      await using work = temporaryFolder('pg-work')
      await using restored = await startRestoredCluster(server, join(target, 'orders'), work.path)
      assert.equal(report.manifest!.view.state, 'exact')
      assert.deepEqual(await differences(restored.url, report.manifest!), [])
      // Every index entry leads to a row, and every row has one.
      const byIndex = 'SET enable_seqscan = off; SET enable_bitmapscan = off; SELECT count(*) FROM pgbench_accounts'
      assert.match(await server.psql(byIndex), /200000$/)
    }
  },
)

async function latest(repository: Repository): Promise<Snapshot> {
  return (await repository.listSnapshots(neverStopped())).at(-1)!
}

/** Does what pg_verifybackup does with the manifest of a data directory. */
async function assertFilesOfManifest(folder: string): Promise<void> {
  const { files } = parseBackupManifest(await readFile(join(folder, 'backup_manifest')))
  let unknown = 0
  for (const [path, { size, sha256 }] of files) {
    const content = await readFile(join(folder, path))
    assert.equal(content.length, size, path)
    if (sha256 === undefined) unknown++
    else assert.equal(hash('sha256', content), sha256, path)
  }
  assert.ok(unknown < files.size / 2)
}

async function differences(url: string, manifest: PostgresqlManifest): Promise<ManifestDifference[]> {
  const found = await takePostgresqlManifest({ url }, { like: manifest }, neverStopped())
  return comparePostgresqlManifests(manifest, found, { sameServer: true })
}

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chownSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { assertSound } from '../../../testing/back-up-folder.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import type { PostgresqlServer } from '../../../testing/postgresql-server.ts'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { runWell } from '../../../testing/run-program.ts'
import { runRestore } from '../../../testing/run-restore.ts'
import { startRestoredCluster } from '../../../testing/start-restored-cluster.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { noProgress } from '../progress.ts'
import type { Repository } from '../../repository/repository.ts'
import { backUpPostgresql, type PostgresqlBackupReport, type PostgresqlBackupRequest } from './back-up-postgresql.ts'

const context = { clock: systemClock, progress: noProgress, programVersion: 'test' }
const pgbench = '/usr/lib/postgresql/15/bin/pgbench'

async function backUpServer(
  repository: Repository,
  server: Pick<PostgresqlServer, 'url'>,
  changes: Partial<PostgresqlBackupRequest> = {},
): Promise<PostgresqlBackupReport> {
  return await backUpPostgresql(
    {
      repository,
      source: 'orders',
      connection: { url: server.url },
      hostname: 'host',
      parent: undefined,
      workers: 2,
      ...changes,
    },
    context,
    neverStopped(),
  )
}

postgresqlTest(
  'backUpPostgresql() of a server under load gives a directory that starts, with its tablespaces',
  { versions: [15, 17, 18] },
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
    assert.equal(await restored.psql('SELECT count(*), sum(id) FROM apart'), '5000|12502500')
    const balance = 'SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(bbalance) FROM pgbench_branches)'
    assert.equal(await restored.psql(`${balance}, (SELECT count(*) FROM pgbench_accounts)`), 't|200000')
    assert.equal(
      await restored.psql('SELECT sum(delta) = (SELECT sum(tbalance) FROM pgbench_tellers) FROM pgbench_history'),
      't',
    )
  },
)

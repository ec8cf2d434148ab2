import assert from 'node:assert/strict'
import { join } from 'node:path'
import { neverStopped } from '../../base/abort.ts'
import { backUpServer } from '../../../testing/back-up-server.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { runRestore } from '../../../testing/run-restore.ts'
import { startRestoredCluster } from '../../../testing/start-restored-cluster.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'

postgresqlTest(
  'backUpPostgresql() since a parent brings back no row that was deleted since, by whatever it is looked for',
  { versions: [18], settings: { summarize_wal: 'on', autovacuum: 'off' } },
  async ({ server }) => {
    await using folder = temporaryFolder('pg-backup')
    const repository = await freshRepository()
    await server.psql('CREATE TABLE rows (id int PRIMARY KEY); INSERT INTO rows SELECT generate_series(1, 10000)')
    await server.psql('VACUUM rows') // Notes of each page that everybody may see all rows of it.
    await backUpServer(repository, server)
    const [parent] = await repository.listSnapshots(neverStopped())
    await server.psql('DELETE FROM rows WHERE id % 2 = 0')
    const report = await backUpServer(repository, server, { parent })
    assert.equal(report.facts.transfer, 'incremental')
    const target = folder.at('restored')
    await runRestore({ repository, tree: report.tree, target })
    await using work = temporaryFolder('pg-work')
    const byIndexAlone = ['enable_seqscan=off', 'enable_bitmapscan=off']
    await using restored = await startRestoredCluster(server, join(target, 'orders'), work.path, byIndexAlone)
    assert.match(await restored.psql('EXPLAIN SELECT count(*) FROM rows'), /Index Only Scan/)
    assert.equal(await restored.psql('SELECT count(*) FROM rows'), '5000')
    assert.equal(await restored.psql('SELECT count(*) FROM rows WHERE id = 2'), '0')
  },
)

import assert from 'node:assert/strict'
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { isFailure } from '../../base/failure.ts'
import { backUpServer } from '../../../testing/back-up-server.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import type { ProgressSink } from '../progress.ts'

postgresqlTest(
  'backUpPostgresql() refuses a damaged page, and names its file and block',
  { versions: [15, 18] },
  async ({ server }) => {
    await server.psql('CREATE TABLE pages AS SELECT g AS id FROM generate_series(1, 10000) g; CHECKPOINT')
    const path = await server.psql("SELECT pg_relation_filepath('pages')")
    await server.stop()
    const fd = openSync(join(server.dataFolder, path), 'r+')
    writeSync(fd, Buffer.from('damage'), 0, 6, 7 * 8192 + 4000)
    closeSync(fd)
    await server.start()
    const repository = await freshRepository()
    await assert.rejects(backUpServer(repository, server), (error) => {
      assert.ok(isFailure(error, 'database_unreadable'))
      assert.match(error.message, new RegExp(`"${path}" block 7`))
      assert.deepEqual([error.facts.file, error.facts.block], [path, 7])
      return true
    })
    assert.deepEqual(await repository.listSnapshots(neverStopped()), [])
  },
)

postgresqlTest(
  'backUpPostgresql() leaves no snapshot where it is stopped, or the server is killed',
  { versions: [15] },
  async ({ server }) => {
    const repository = await freshRepository()
    const stopping = new AbortController()
    const slowly = { rateKibibytesMax: 512 }
    const stopped = backUpServer(repository, server, slowly, {
      progress: whenUnderWay(() => stopping.abort()),
      signal: stopping.signal,
    })
    await assert.rejects(stopped, (error) => isFailure(error, 'stopped'))
    let kill: Promise<void> | undefined
    const killed = backUpServer(repository, server, slowly, {
      progress: whenUnderWay(() => {
        kill ??= server.stop('kill')
      }),
    })
    await assert.rejects(killed, (error) => isFailure(error, 'connection_failed'))
    await kill
    assert.deepEqual(await repository.listSnapshots(neverStopped()), [])
    await server.start()
    await backUpServer(repository, server)
  },
)

postgresqlTest(
  'backUpPostgresql() says that its manifest is bounded, and by which transaction, where the log and the views never agree',
  // A transaction that waits for a standby which never comes is in the log, and nobody sees it.
  { versions: [15], settings: { synchronous_standby_names: 'absent', synchronous_commit: 'local' } },
  async ({ server }) => {
    await server.psql('CREATE TABLE waiting (xid xid8)')
    const hung = server.psql('SET synchronous_commit = on; INSERT INTO waiting SELECT pg_current_xact_id()')
    hung.catch(() => {}) // It ends with the server.
    const waiting = "SELECT backend_xid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    let xid = ''
    while (xid === '') xid = await server.psql(waiting)
    const repository = await freshRepository()
    let now = 0
    // One attempt only: the time for more has run out when it is looked at.
    const clock = { ...systemClock, monotonicMs: () => (now += 60_000) }
    const { manifest } = await backUpServer(repository, server, {}, { clock })
    assert.ok(manifest?.view.state === 'bounded')
    assert.deepEqual(manifest.view.transactions, [xid])
    const table = manifest.databases[0]!.tables.find(({ name }) => name === 'public.waiting')
    assert.equal(table?.rows, 0)
  },
)

for (const version of [15, 17] as const) {
  postgresqlTest(
    'backUpPostgresql() reads everything where the server can not tell what changed, and stores what did',
    { versions: [version], settings: version === 17 ? { summarize_wal: 'on' } : {} },
    async ({ server }) => {
      const repository = await freshRepository()
      await server.psql('CREATE TABLE still AS SELECT g, md5(g::text) FROM generate_series(1, 50000) g')
      await server.psql('VACUUM')
      // The rights that a backup needs, and no more.
      await server.psql(`
        CREATE ROLE backup LOGIN REPLICATION; GRANT pg_read_all_data TO backup;
        CREATE TABLE hidden AS SELECT 1 AS one; ALTER TABLE hidden ENABLE ROW LEVEL SECURITY`)
      const url = server.urlOf({ user: 'backup' })
      await assert.rejects(backUpServer(repository, { url }), (error) => {
        assert.ok(isFailure(error, 'access_denied'))
        assert.match(error.message, /pg_create_restore_point/)
        return true
      })
      await server.psql('GRANT EXECUTE ON FUNCTION pg_create_restore_point TO backup')
      const first = await backUpServer(repository, { url })
      assert.equal(first.manifest?.view.state, 'exact')
      assert.match(first.warnings.join(), /^Table public.hidden of database postgres is not in the manifest: not read/)
      await server.psql('ALTER TABLE hidden DISABLE ROW LEVEL SECURITY')
      const [parent] = await repository.listSnapshots(neverStopped())
      if (version === 17) {
        // A stretch of the log of which there is no summary, and that is gone.
        server.configure({ summarize_wal: 'off', min_wal_size: '32MB' })
        await server.stop()
        await server.start()
        for (let turn = 0; turn < 4; turn++) {
          await server.psql(`CREATE TABLE turn${turn} AS SELECT 1; SELECT pg_switch_wal(); CHECKPOINT`)
        }
        server.configure({ summarize_wal: 'on' })
        await server.stop()
        await server.start()
      }
      const report = await backUpServer(repository, server, { parent })
      assert.equal(report.facts.transfer, 'full')
      assert.equal(report.warnings.length, version === 17 ? 1 : 0)
      assert.ok(report.summary.data_added_packed < report.summary.total_bytes_processed / 10)
    },
  )
}

function whenUnderWay(action: () => void): ProgressSink {
  return ({ filesDone }) => {
    if (filesDone > 100) action()
  }
}

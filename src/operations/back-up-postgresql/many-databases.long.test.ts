import assert from 'node:assert/strict'
import { join } from 'node:path'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import { backUpServer } from '../../../testing/back-up-server.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import type { PostgresqlServer } from '../../../testing/postgresql-server.ts'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { runRestore } from '../../../testing/run-restore.ts'
import { startRestoredCluster } from '../../../testing/start-restored-cluster.ts'
import { openStatementGate } from '../../../testing/statement-gate.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { comparePostgresqlManifests } from '../../model/compare-postgresql-manifests.ts'
import type { PostgresqlManifest } from '../../model/manifest.ts'
import { takePostgresqlManifest } from '../../sources/postgresql/take-manifest.ts'

const databases = Array.from({ length: 30 }, (_, at) => `shop${at + 10}`)

postgresqlTest(
  'backUpPostgresql() has an exact manifest of more databases than the server lets in sessions, whichever is written to',
  { versions: [15, 18], settings: { max_connections: '15', autovacuum: 'off', max_prepared_transactions: '2' } },
  async ({ server }) => {
    for (const database of databases) {
      await server.psql(`CREATE DATABASE ${database} STRATEGY file_copy`)
      await server.psql('CREATE TABLE rows AS SELECT 1 AS id; CREATE SEQUENCE numbers', { database })
    }
    // Another one is at work all the time, in the two that are busy.
    const over = new AbortController()
    const work = (async () => {
      for (let turn = 0; !over.signal.aborted; turn++)
        await server.psql(`INSERT INTO rows VALUES (${turn}); SELECT nextval('numbers')`, {
          database: databases[turn % 2]!,
        })
    })()
    try {
      const calm = await backUp(server, () => undefined)
      assert.equal(calm.manifest.view.state, 'exact')
      // Sessions: six databases at a time, and what looks, flushes, holds the log and copies.
      assert.ok(calm.peak <= 12, `${calm.peak} connections at a time`)
      assert.deepEqual(await differences(server, calm), [])

      // Written to after they were read, also by a transaction that was under way then: they are read again.
      await server.psql("BEGIN; INSERT INTO rows VALUES (7); PREPARE TRANSACTION 'one'", { database: databases[20]! })
      let isOver = false
      const some = await backUp(server, async (text) => {
        if (!/pg_create_restore_point/.test(text) || isOver) return
        isOver = true
        await write(server, databases.slice(10, 11))
        await server.psql("COMMIT PREPARED 'one'", { database: databases[20]! })
      })
      assert.ok(isOver)
      assert.equal(some.manifest.view.state, 'exact')
      assert.deepEqual(await differences(server, some), [])

      // All of them, at every try: what can not be told is named.
      const all = await backUp(server, (text) =>
        /pg_create_restore_point/.test(text) ? write(server, databases.slice(2)) : undefined,
      )
      assert.ok(all.manifest.view.state === 'bounded')
      const named = all.manifest.view.transactions.filter((what) =>
        /^database shop\d+, in which something was/.test(what),
      )
      assert.ok(named.length > 15, all.manifest.view.transactions.join())
    } finally {
      over.abort()
      await work
    }
  },
)

postgresqlTest(
  'backUpPostgresql() refuses before it begins where the server has no connection left for the manifest',
  { versions: [18], settings: { max_connections: '6', superuser_reserved_connections: '3' } },
  async ({ server }) => {
    await server.psql('CREATE ROLE somebody LOGIN')
    const sleeping = server.psql('SELECT pg_sleep(60)', { user: 'somebody' })
    sleeping.catch(() => {}) // It ends with the server.
    while ((await server.psql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'somebody'")) !== '1');
    await assert.rejects(backUpServer(await freshRepository(), server), (error) => {
      assert.ok(isFailure(error, 'connection_failed'))
      assert.match(error.message, /1 of 6 connections are free for it, expected 3/)
      assert.match(String(error.facts.hint), /Raise max_connections/)
      return true
    })
  },
)

interface Taken {
  readonly manifest: PostgresqlManifest
  readonly peak: number
  readonly restored: (use: (folder: string) => Promise<void>) => Promise<void>
}

async function backUp(server: PostgresqlServer, before: (text: string) => Promise<void> | undefined): Promise<Taken> {
  await using gate = await openStatementGate(server, before)
  const repository = await freshRepository()
  const { manifest, tree } = await backUpServer(repository, gate)
  return {
    manifest: manifest!,
    peak: gate.peak(),
    restored: async (use) => {
      await using folder = temporaryFolder('pg-many')
      await runRestore({ repository, tree, target: folder.at('restored') })
      await use(join(folder.at('restored'), 'orders'))
    },
  }
}

async function write(server: PostgresqlServer, where: readonly string[]): Promise<void> {
  for (const database of where)
    await server.psql("INSERT INTO rows VALUES (5); SELECT nextval('numbers')", { database })
}

async function differences(server: PostgresqlServer, { manifest, restored }: Taken): Promise<string[]> {
  let found: string[] = []
  await restored(async (dataFolder) => {
    await using work = temporaryFolder('pg-work')
    await using copy = await startRestoredCluster(server, dataFolder, work.path)
    const now = await takePostgresqlManifest({ url: copy.url }, { like: manifest }, neverStopped())
    found = comparePostgresqlManifests(manifest, now, { sameServer: true }).map(({ what }) => what)
  })
  return found
}

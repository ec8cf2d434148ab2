import assert from 'node:assert/strict'
import { join } from 'node:path'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { backUpServer } from '../../../testing/back-up-server.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import type { PostgresqlServer } from '../../../testing/postgresql-server.ts'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { runRestore } from '../../../testing/run-restore.ts'
import { startRestoredCluster } from '../../../testing/start-restored-cluster.ts'
import { openStatementGate } from '../../../testing/statement-gate.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { comparePostgresqlManifests } from '../../model/compare-postgresql-manifests.ts'
import { takePostgresqlManifest } from '../../sources/postgresql/take-manifest.ts'

/** What the statements begin with, or hold, before which something happens: in the order in which they come first. */
const moments = {
  'the list of databases': /SELECT datname FROM pg_database\s+WHERE datallowconn/,
  'the sequences': /last_value::numeric/,
  'the fingerprint': /AS fingerprint/,
  'the schema': /json_build_array\('relation'/,
  'the functions': /json_build_array\('function'/,
  'the first view': /SELECT pg_current_snapshot\(\)::text AS snapshot(?!,)/,
  'the restore point': /pg_create_restore_point/,
  'the flush of the log': /pg_current_xact_id\(\)/,
  'the fingerprint in the view': /AS fingerprint/,
  'the roles': /rolbypassrls/,
  'the list of tables': /relispopulated/,
  'a table': /FROM ONLY odd\.second AS "zakops row"/,
  'what a table is now': /SELECT format\('%I\.%I', n\.nspname, c\.relname\) \|\|/,
} as const

/** At these the statement comes a second time: the first is before the view. */
const second = new Set(['the fingerprint in the view'])

postgresqlTest(
  'backUpPostgresql() calls no manifest exact to which recovery does not compare equal, whatever is changed at whichever moment',
  { versions: [15, 18] },
  async ({ server }) => {
    await server.psql(`
      CREATE SCHEMA odd; CREATE TYPE odd.mood AS ENUM ('well', 'ill');
      CREATE TABLE odd.first AS SELECT g AS id, g::text AS text FROM generate_series(1, 1000) g;
      CREATE TABLE odd.second AS SELECT g AS id, 'well'::odd.mood AS mood FROM generate_series(1, 1000) g;
      CREATE TABLE odd.third AS SELECT g AS id FROM generate_series(1, 1000) g;
      CREATE INDEX by_id ON odd.first (id); CREATE VIEW odd.seen AS SELECT id FROM odd.first;
      CREATE SEQUENCE odd.count; CREATE ROLE owner; ALTER TABLE odd.third OWNER TO owner;
      CREATE FUNCTION odd.twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1';
      CREATE VIEW odd.helped AS SELECT odd.twice(id) FROM odd.first`)
    for (const name of ['other', 'going']) await server.psql(`CREATE DATABASE ${name}`)
    let turn = 0
    let exact = 0
    for (const [moment, pattern] of Object.entries(moments)) {
      turn += 1
      let left = second.has(moment) ? 2 : 1
      await using gate = await openStatementGate(server, (text) => {
        if (!pattern.test(text)) return undefined
        left -= 1
        return left === 0 ? change(server, turn) : undefined
      })
      exact += Number(await isProven(server, gate.url, moment))
      assert.ok(left <= 0, `nothing happened before ${moment}`)
    }
    assert.equal(exact, turn, 'what happens once only is gone over at the next try')
  },
)

postgresqlTest(
  'backUpPostgresql() names what it can not tell of, where the schema changes at every try',
  { versions: [18] },
  async ({ server }) => {
    await server.psql('CREATE TABLE rows AS SELECT 1 AS id; CREATE FUNCTION one() RETURNS int LANGUAGE sql RETURN 1')
    let turn = 0
    await using gate = await openStatementGate(server, async (text) => {
      if (!/json_build_array\('trigger'/.test(text)) return
      turn += 1
      await server.psql(`CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql RETURN ${turn}`)
    })
    let now = 0
    const clock = { ...systemClock, monotonicMs: () => (now += 4000) }
    const { manifest } = await backUpServer(await freshRepository(), gate, {}, { clock })
    assert.ok(turn > 1)
    assert.deepEqual(manifest?.view.state === 'bounded' && manifest.view.transactions, [
      'the schema of database postgres, which changed meanwhile',
    ])
  },
)

postgresqlTest(
  'backUpPostgresql() has an exact manifest of a server whose sequences never stand still, and of prepared transactions',
  { versions: [15, 18], settings: { max_prepared_transactions: '5' } },
  async ({ server }) => {
    await server.psql(
      'CREATE SEQUENCE up; CREATE SEQUENCE down INCREMENT -7; CREATE TABLE rows (id int, note text DEFAULT repeat($$x$$, 900))',
    )
    const over = new AbortController()
    const sequences = (async () => {
      while (!over.signal.aborted)
        await server.psql("SELECT nextval('up'), nextval('down') FROM generate_series(1, 50)")
    })()
    const prepared = (async () => {
      for (let turn = 1; !over.signal.aborted; turn++) {
        const subtransactions = Array.from(
          { length: 20 },
          (_, at) => `SAVEPOINT s${at}; INSERT INTO rows VALUES (${at});`,
        )
        await server.psql(
          `BEGIN; ${subtransactions.join(' ')} CREATE TABLE t${turn} (); PREPARE TRANSACTION 'p${turn}'`,
        )
        await server.psql(`${turn % 3 === 0 ? 'ROLLBACK' : 'COMMIT'} PREPARED 'p${turn}'`)
        await new Promise((resolve) => setTimeout(resolve, 300))
      }
    })()
    try {
      assert.equal(await isProven(server, server.url, 'all the time'), true)
    } finally {
      over.abort()
      await Promise.all([sequences, prepared])
    }
  },
)

/** Changes everything that a manifest tells of. */
async function change(server: PostgresqlServer, turn: number): Promise<void> {
  // What waits for a lock that the backup holds goes on when it is let go of.
  void server
    .psql(`ALTER TABLE odd.third RENAME TO third_${turn}; ALTER TABLE odd.third_${turn} RENAME TO third`)
    .catch(() => {})
  await server.psql(`
    SET lock_timeout = '200ms';
    CREATE TABLE odd.new_${turn} AS SELECT ${turn} AS id;
    INSERT INTO odd.first VALUES (${turn}, 'more'); DELETE FROM odd.first WHERE id = ${turn};
    CREATE OR REPLACE FUNCTION odd.twice(int) RETURNS int LANGUAGE sql AS 'SELECT ${turn} * $1';
    ALTER INDEX odd.by_id RENAME TO by_id_${turn}; ALTER INDEX odd.by_id_${turn} RENAME TO by_id;
    SELECT nextval('odd.count') FROM generate_series(1, 40); SELECT setval('odd.count', ${turn * 1000});
    CREATE ROLE role_${turn}; ALTER ROLE owner RENAME TO owner_${turn}; ALTER ROLE owner_${turn} RENAME TO owner;
    ALTER DATABASE postgres SET work_mem = '${turn + 4}MB'; ALTER DATABASE other OWNER TO role_${turn}`)
  await server.psql(`SET lock_timeout = '200ms'; ALTER TABLE odd.first RENAME TO first_${turn}`)
  await server.psql(`CREATE TABLE odd.first AS SELECT g AS id, g::text AS text FROM generate_series(1, ${turn}) g`)
  await server.psql(`SET lock_timeout = '200ms'; ALTER TABLE odd.second ADD more_${turn} int DEFAULT 5`).catch(() => {})
  await server.psql(
    `ALTER TYPE odd.mood RENAME VALUE 'well' TO 'w${turn}'; ALTER TYPE odd.mood RENAME VALUE 'w${turn}' TO 'well'`,
  )
  await server.psql(`CREATE TABLE passing (); DROP TABLE passing`)
  const extension = turn % 2 === 0 ? 'CREATE EXTENSION IF NOT EXISTS plpgsql' : 'DROP EXTENSION IF EXISTS plpgsql'
  await server.psql(extension)
  if (turn % 4 === 1) await server.psql(`CREATE DATABASE new_${turn}`)
  await server.psql(turn === 3 ? 'DROP DATABASE going WITH (FORCE)' : 'SELECT 1')
}

/** Whether a backup is exact; where it is, recovery to its restore point must compare equal. */
async function isProven(server: PostgresqlServer, url: string, moment: string): Promise<boolean> {
  await using folder = temporaryFolder('pg-exact')
  const repository = await freshRepository()
  const { manifest, tree } = await backUpServer(repository, { url })
  await runRestore({ repository, tree, target: folder.at('restored') })
  await using work = temporaryFolder('pg-work')
  await using restored = await startRestoredCluster(server, join(folder.at('restored'), 'orders'), work.path)
  const found = await takePostgresqlManifest({ url: restored.url }, { like: manifest! }, neverStopped())
  const differences = comparePostgresqlManifests(manifest!, found, { sameServer: true })
  if (manifest!.view.state !== 'exact') {
    console.log(`bounded before ${moment}: ${JSON.stringify(manifest!.view)}`)
    return false
  }
  assert.deepEqual(differences, [], `before ${moment}`)
  return true
}

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { Failure } from '../../base/failure.ts'
import type { PostgresqlServer } from '../../../testing/postgresql-server.ts'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { connectPostgresql } from './connection.ts'
import type { ConnectionPurpose, PostgresqlConnectionOptions } from './connection-options.ts'
import { readServerFacts, requirePhysicalBackup } from './server-facts.ts'

const sql = { kind: 'sql' } as const
const replication = { kind: 'replication' } as const

/** The Failure that connecting ends with. */
async function refusal(options: PostgresqlConnectionOptions, purpose: ConnectionPurpose): Promise<Failure> {
  try {
    await using connection = await connectPostgresql(options, purpose, neverStopped())
    await connection.query('IDENTIFY_SYSTEM')
  } catch (error) {
    assert.ok(error instanceof Failure)
    return error
  }
  throw new Error('it was let in')
}

function assertRefused(failure: Failure, code: string, message: RegExp, hint: RegExp): void {
  assert.equal(failure.code, code, failure.message)
  assert.match(failure.message, message)
  assert.match(String(failure.facts.hint), hint)
  assert.doesNotMatch(failure.message, /s3cret|wrong/)
}

postgresqlTest(
  'connectPostgresql() says what is refused and what to change',
  { versions: [15, 17], hba: ['local all secret scram-sha-256', 'local replication unlisted reject'] },
  async ({ server }) => {
    await server.psql(
      "CREATE ROLE secret LOGIN REPLICATION PASSWORD 's3cret'; CREATE ROLE plain LOGIN; CREATE ROLE unlisted LOGIN REPLICATION",
    )
    const url = server.urlOf({ user: 'secret' })
    assertRefused(await refusal({ url, password: 'wrong' }, sql), 'access_denied', /password/, /\.pgpass/)
    assertRefused(await refusal({ url }, sql), 'access_denied', /password/, /\.pgpass/)
    const nobody = await refusal({ url: server.urlOf({ user: 'nobody' }) }, sql)
    assertRefused(nobody, 'access_denied', /"nobody" does not exist/, /pg_hba\.conf/)
    const unlisted = await refusal({ url: server.urlOf({ user: 'unlisted' }) }, replication)
    assertRefused(unlisted, 'access_denied', /pg_hba\.conf/, /database is "replication"/)
    const plain = await refusal({ url: server.urlOf({ user: 'plain' }) }, replication)
    assertRefused(plain, 'access_denied', /replication|WAL sender/, /ALTER ROLE <user> REPLICATION/)
    const nowhere = await refusal({ url: server.urlOf({ database: 'nowhere' }) }, sql)
    assertRefused(nowhere, 'access_denied', /"nowhere" does not exist/, /database that exists/)

    const odd = `we"ird 'dä%tabase%2F/?#@&:+,`
    await server.psql(`CREATE DATABASE "${odd.replaceAll('"', '""')}"`)
    await using session = await connectPostgresql({ url: server.url }, { kind: 'sql', database: odd }, neverStopped())
    assert.deepEqual(await session.row('SELECT current_database() AS name'), { name: odd })

    await using folder = temporaryFolder('pgpass')
    writeFileSync(folder.at('pgpass'), '*:*:*:secret:s3cret\n', { mode: 0o600 })
    process.env.PGPASSFILE = folder.at('pgpass')
    for (const options of [{ url, password: 's3cret' }, { url }]) {
      await using connection = await connectPostgresql(options, replication, neverStopped())
      assert.equal((await connection.row('IDENTIFY_SYSTEM')).timeline, '1')
    }
    delete process.env.PGPASSFILE

    const down = await refusal({ url: 'postgresql://postgres@/postgres?host=/nowhere/at/all' }, sql)
    assert.equal(down.code, 'connection_failed')
    assert.equal(down.retry, true)
    const stopping = new AbortController()
    await using connection = await connectPostgresql({ url: server.url }, sql, stopping.signal)
    const sleeping = connection.query('SELECT pg_sleep(60)')
    stopping.abort()
    await assert.rejects(sleeping, { code: 'stopped' })
  },
)

postgresqlTest('a query that waits for a lock in vain says who may hold it', { versions: [15] }, async ({ server }) => {
  await server.psql('CREATE TABLE wanted AS SELECT 1 AS one')
  await using holder = await connectPostgresql({ url: server.url }, sql, neverStopped())
  await holder.query('BEGIN; LOCK TABLE wanted')
  await using waiting = await connectPostgresql({ url: server.url }, sql, neverStopped())
  await waiting.query("SET lock_timeout = '50ms'")
  await assert.rejects(waiting.query('SELECT * FROM wanted'), (error) => {
    assert.ok(error instanceof Failure)
    assertRefused(error, 'database_unreadable', /lock timeout/, /pg_locks.*run the backup again/)
    return true
  })
})

postgresqlTest(
  'requirePhysicalBackup() says which setting is in the way',
  { versions: [15], settings: { wal_level: 'minimal', max_wal_senders: '0' } },
  async ({ server }) => {
    const minimal = await unfit(server)
    assertRefused(minimal, 'access_denied', /wal_level is "minimal"/, /wal_level = replica/)
    server.configure({ wal_level: 'replica', max_wal_senders: '1' })
    await server.stop()
    await server.start()
    assertRefused(await unfit(server), 'access_denied', /max_wal_senders is 1/, /max_wal_senders = 10/)
    server.configure({ max_wal_senders: '2', max_replication_slots: '1' })
    await server.stop()
    await server.start()
    await server.psql("CREATE ROLE plain LOGIN; SELECT pg_create_physical_replication_slot('taken')")
    assertRefused(await unfit(server), 'access_denied', /all 1 replication slots are taken/, /max_replication_slots/)
    await server.psql("SELECT pg_drop_replication_slot('taken')")
    assertRefused(
      await unfit(server, 'plain'),
      'access_denied',
      /"plain" may not replicate/,
      /ALTER ROLE "plain" REPLICATION/,
    )
    // Enough of them, but others have them.
    await using first = await connectPostgresql({ url: server.url }, replication, neverStopped())
    await using second = await connectPostgresql({ url: server.url }, replication, neverStopped())
    assert.deepEqual([first.server, second.server], [first.server, first.server])
    assertRefused(
      await refusal({ url: server.url }, replication),
      'connection_failed',
      /max_wal_senders/,
      /Raise max_wal_senders/,
    )
  },
)

async function unfit(server: PostgresqlServer, user = 'postgres'): Promise<Failure> {
  await using connection = await connectPostgresql({ url: server.urlOf({ user }) }, sql, neverStopped())
  const facts = await readServerFacts(connection)
  try {
    requirePhysicalBackup(facts, connection.server)
  } catch (error) {
    return error as Failure
  }
  throw new Error('it was fit')
}

postgresqlTest(
  'connectPostgresql() encrypts where the server can, and verifies where it is asked to',
  { versions: [15], hba: ['hostssl all all 127.0.0.1/32 trust'] },
  async ({ server }) => {
    const port = await freePort()
    const [key, certificate] = ['server.key', 'server.crt'].map((name) => `${server.dataFolder}/${name}`) as [
      string,
      string,
    ]
    const words = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost']
    execFileSync('openssl', [...words, '-keyout', key, '-out', certificate], { stdio: 'ignore' })
    for (const path of [key, certificate]) {
      chmodSync(path, 0o600)
      if (process.getuid!() === 0) chownSync(path, server.owner.uid, server.owner.gid)
    }
    server.configure({ ssl: 'on', listen_addresses: '127.0.0.1', port: `${port}` })
    await server.stop()
    await server.start()
    await using folder = temporaryFolder('tls')
    writeFileSync(folder.at('ca.crt'), readFileSync(certificate))
    const url = (query: string): string => `postgresql://postgres@localhost:${port}/postgres${query}`
    const isEncrypted = async (query: string): Promise<string | null | undefined> => {
      await using connection = await connectPostgresql({ url: url(query) }, sql, neverStopped())
      return (await connection.row('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')).ssl
    }
    assert.equal(await isEncrypted(''), 't')
    assert.equal(await isEncrypted('?sslmode=require'), 't')
    assert.equal(await isEncrypted(`?sslmode=verify-full&sslrootcert=${folder.at('ca.crt')}`), 't')
    await assert.rejects(isEncrypted('?sslmode=verify-full'), { code: 'connection_failed' })
    await assert.rejects(isEncrypted('?sslmode=disable'), { code: 'access_denied' })
    server.configure({ ssl: 'off' })
    await server.stop()
    writeFileSync(`${server.dataFolder}/pg_hba.conf`, 'host all all 127.0.0.1/32 trust\nlocal all all trust\n')
    await server.start()
    assert.equal(await isEncrypted(''), 'f')
    await assert.rejects(isEncrypted('?sslmode=require'), { code: 'connection_failed' })
  },
)

test('connectPostgresql() refuses a URL that it does not understand', async () => {
  const options = { url: 'postgresql://localhost/x?sslmode=sometimes' }
  await assert.rejects(connectPostgresql(options, sql, neverStopped()), { code: 'usage' })
})

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => listener.once('listening', resolve))
  const { port } = listener.address() as { port: number }
  await new Promise((resolve) => listener.close(resolve))
  return port
}

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmodSync, chownSync, cpSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { takeHotSnapshot } from '../../../testing/hot-snapshot.ts'
import { type PostgresqlServer, serverOwner, testServers } from '../../../testing/postgresql-server.ts'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { queryServer } from '../../../testing/query-server.ts'
import { recoverIn, testArchive } from '../../../testing/recovery-bench.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { inboxSettings, storeInbox } from '../../../testing/wal-inbox.ts'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { parseLsn } from '../../sources/postgresql/lsn.ts'
import { startSandbox } from '../../sources/postgresql/sandbox.ts'
import { segmentName, segmentOf, segmentStart } from '../../sources/postgresql/wal-name.ts'
import { WalScanner } from '../../sources/postgresql/wal-scanner.ts'

postgresqlTest(
  'recoverToPoint() past the making of tablespaces whose records reach over the end of a segment leaves those folders alone',
  {
    versions: [18],
    initdb: ['--wal-segsize=1'],
    settings: { ...inboxSettings, autovacuum: 'off', checkpoint_timeout: '1h', wal_keep_size: '256MB' },
  },
  async ({ server }) => {
    await using folder = temporaryFolder('recover')
    using archive = testArchive()
    const snapshot = await takeHotSnapshot(server, folder.at('snapshot'), 'a')
    const spaces = join(server.folder, 'a'.repeat(200), 'b'.repeat(200))
    let made = 0
    const make = async (): Promise<{ readonly start: bigint; readonly bytes: number }> => {
      made += 1
      const space = join(spaces, String(made))
      mkdirSync(space, { recursive: true })
      if (process.getuid!() === 0) chownSync(space, server.owner.uid, server.owner.gid)
      await server.psql(`create tablespace later${made} location '${space}'`)
      return (await lastMade(server))!
    }
    await make()
    const position = async (): Promise<bigint> => parseLsn(await server.psql('select pg_current_wal_insert_lsn()'))
    const before = await position()
    const sample = await make()
    const distance = sample.start - before
    const seen = new Set<number>()
    // The head is cut, and where the kind of the record stands; behind the head; in the path.
    for (const wanted of [8, 16, 24, 100, sample.bytes - 8]) {
      for (let attempt = 0; attempt < 12 && !seen.has(wanted); attempt++) {
        const now = await position()
        const end = (now / 2n ** 20n + 1n) * 2n ** 20n
        const left = Number(end - now - distance) - wanted - attempt * 8
        if (left < 4000) {
          await server.psql('select pg_switch_wal()')
          continue
        }
        await server.psql(
          `select pg_logical_emit_message(false, 'x', repeat('x', ${left - 400 - Math.floor(left / 8192) * 24}))`,
        )
        const short = Number(end - (await position()) - distance) - wanted
        if (short > 100) await server.psql(`select pg_logical_emit_message(false, 'x', repeat('x', ${short - 56}))`)
        const record = await make()
        const room = Number(end - record.start)
        if (room > 0 && room < record.bytes) seen.add(room)
      }
    }
    for (const room of [8, 16, 24, 96]) assert.ok(seen.has(room), `cut behind ${[...seen].join(', ')} bytes`)
    await server.psql('create table rows (n int) tablespace later2; insert into rows select generate_series(1, 100)')
    await server.psql("select pg_create_restore_point('then')")
    await server.psql('insert into rows select generate_series(1, 5000); checkpoint')
    cpSync(join(server.dataFolder, 'pg_wal'), join(folder.at('with all of the log'), 'pg_wal'), { recursive: true })
    await storeInbox(server, archive)
    const digest = digestOf(spaces)
    const target = { kind: 'name', name: 'then' } as const
    await using recovery = await recoverIn(folder, { archive, target, snapshots: [snapshot], end: 'promoted' })
    assert.equal(await queryServer(recovery.sandbox.url, 'select count(*) from rows'), '100')
    assert.equal(digestOf(spaces), digest)

    // The snapshot's own log may hold the making of them too.
    const dataFolder = folder.at('with all of the log')
    cpSync(snapshot.folder, dataFolder, { recursive: true, force: false })
    chmodSync(dataFolder, 0o700)
    const request = { dataFolder, servers: await testServers(), owner: serverOwner(), parentFolder: folder.path }
    await using sandbox = await startSandbox(
      { ...request, lifetime: 'caller', searchPath: process.env.PATH! },
      systemClock,
      neverStopped(),
    )
    assert.equal(await queryServer(sandbox.url, 'select count(*) from rows'), '5100')
    assert.equal(digestOf(spaces), digest)
  },
)

/** The record by which a tablespace was made last, from the server's own log. */
async function lastMade(
  server: PostgresqlServer,
): Promise<{ readonly start: bigint; readonly bytes: number } | undefined> {
  const end = parseLsn(await server.psql('select pg_current_wal_flush_lsn()'))
  const first = segmentOf(end, 2 ** 20) - 1
  let last: { readonly start: bigint; readonly bytes: number } | undefined
  const scanner = new WalScanner({
    blockBytes: 8192,
    segmentBytes: 2 ** 20,
    start: segmentStart(Math.max(first, 1), 2 ** 20),
    onEvent: () => {},
    onTablespace: (record) => (last = record),
  })
  for (const segment of [first, first + 1]) {
    if (segment >= 1) scanner.feed(readFileSync(join(server.dataFolder, 'pg_wal', segmentName(1, segment, 2 ** 20))))
  }
  return last
}

function digestOf(folder: string): string {
  const digest = createHash('sha256')
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()) {
    digest.update(`${name}\n`)
    if (lstatSync(join(folder, name)).isFile()) digest.update(readFileSync(join(folder, name)))
  }
  return digest.digest('hex')
}

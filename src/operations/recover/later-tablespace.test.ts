import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmodSync, chownSync, cpSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { takeHotSnapshot } from '../../../testing/hot-snapshot.ts'
import { serverOwner, testServers } from '../../../testing/postgresql-server.ts'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { queryServer } from '../../../testing/query-server.ts'
import { recoverIn, testArchive } from '../../../testing/recovery-bench.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { inboxSettings, storeInbox } from '../../../testing/wal-inbox.ts'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { startSandbox } from '../../sources/postgresql/sandbox.ts'

const spacesMade = 24

postgresqlTest(
  'recoverToPoint() past the making of a tablespace leaves the folder alone in which production has it',
  { versions: [18], initdb: ['--wal-segsize=1'], settings: { ...inboxSettings, autovacuum: 'off' } },
  async ({ server }) => {
    await using folder = temporaryFolder('recover')
    using archive = testArchive()
    const snapshot = await takeHotSnapshot(server, folder.at('snapshot'), 'a')
    // Long paths, so that some of the records reach over pages.
    const spaces = join(server.folder, 'ä'.repeat(100), 'b'.repeat(200), 'c'.repeat(200), 'its $d%p\\e'.repeat(10))
    for (let number = 0; number < spacesMade; number++) {
      const space = join(spaces, String(number))
      mkdirSync(space, { recursive: true })
      if (process.getuid!() === 0) chownSync(space, server.owner.uid, server.owner.gid)
      await server.psql(`create tablespace later${number} location '${space}'`)
    }
    await server.psql('create table rows (n int) tablespace later7; insert into rows select generate_series(1, 100)')
    await server.psql("select pg_create_restore_point('then')")
    await server.psql('insert into rows select generate_series(1, 5000); checkpoint')
    cpSync(join(server.dataFolder, 'pg_wal'), join(folder.at('with all of the log'), 'pg_wal'), { recursive: true })
    await storeInbox(server, archive)
    const before = digestOf(spaces)
    const target = { kind: 'name', name: 'then' } as const
    await using recovery = await recoverIn(folder, { archive, target, snapshots: [snapshot], end: 'promoted' })
    assert.equal(await queryServer(recovery.sandbox.url, 'select count(*) from rows'), '100')
    await queryServer(recovery.sandbox.url, 'insert into rows select generate_series(1, 9000); checkpoint')
    assert.equal(digestOf(spaces), before)
    const inside = join(recovery.dataFolder, 'pg_tblspc')
    assert.ok(readdirSync(inside).every((name) => lstatSync(join(inside, name)).isDirectory()))

    // The snapshot's own log may hold the making of one too.
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
    assert.equal(digestOf(spaces), before)
    assert.equal(await server.psql('select count(*) from rows'), '5100')
  },
)

function digestOf(folder: string): string {
  const digest = createHash('sha256')
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()) {
    digest.update(`${name}\n`)
    if (lstatSync(join(folder, name)).isFile()) digest.update(readFileSync(join(folder, name)))
  }
  return digest.digest('hex')
}

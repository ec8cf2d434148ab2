/** The database restore of a PostgreSQL server with an application on it: proven, rolled back, and to a point in time. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  makePostgresqlProcedureWorld,
  archivingSettings,
  type PostgresqlProcedureWorld,
} from '../testing/postgresql-procedure-world.ts'
import { postgresqlTest } from '../testing/postgresql-test.ts'

const restore = ['procedure', 'run', 'database-restore', '--source', 'orders', '--json']

/** Turns a bit in each pack of a location; answers what puts them right again. */
function damagePacks(world: PostgresqlProcedureWorld, location: string): () => void {
  const whole = readdirSync(join(world.folder, location), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.parentPath.includes('/data/'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [path, readFileSync(path)] as const)
  for (const [path, bytes] of whole) {
    const damaged = Buffer.from(bytes)
    damaged[damaged.length >> 1]! ^= 1
    writeFileSync(path, damaged)
  }
  return () => {
    for (const [path, bytes] of whole) writeFileSync(path, bytes)
  }
}

postgresqlTest(
  'a PostgreSQL server is restored in its place, proven before it gets there, and put back on request',
  { versions: [18], initdb: ['--wal-segsize=1'], settings: archivingSettings },
  async ({ server }) => {
    const { dataFolder } = server
    await server.psql('create table orders (n int); insert into orders values (1), (2), (3)')
    await using world = await makePostgresqlProcedureWorld(server, [`dataDirectory: ${dataFolder}`], 3)
    await world.expect(0, 'backup')
    await server.psql('insert into orders values (4)')
    const log = world.serviceLog().length

    const { stdout: plan } = await world.run(...restore.slice(0, -1), '--dry-run')
    assert.match(plan, /3\. Stop dependent services: stops web, database/)
    assert.match(plan, /5\. Verify data integrity: compares it there with the manifest; then replaces .*\/data/)

    const mend = damagePacks(world, 'zakops-primary')
    const damaged = await world.run(...restore, '--location', 'primary')
    mend()
    assert.equal(damaged.code, 5)
    assert.match(damaged.stderr, /Verify backup integrity \(checksum\)/)
    assert.equal(world.serviceLog().length, log, 'nothing was stopped for a backup that can not be restored')
    assert.equal(await world.orders(), 4)

    const [end] = await world.expect(0, ...restore)
    assert.equal(end!.proven, true)
    assert.equal(end!.outcome, 'equal')
    assert.deepEqual(world.serviceLog().slice(log), [
      'stop web',
      'stop database',
      'start database',
      'health database',
      'start web',
      ...world
        .serviceLog()
        .slice(log)
        .filter((line) => line === 'health web')
        .slice(0, -1),
      'health database',
      'health web',
    ])
    assert.equal(await world.orders(), 3)
    assert.equal(statSync(dataFolder).mode & 0o777, 0o700)
    assert.equal(existsSync(join(end!.oldPath, 'PG_VERSION')), true)
    assert.equal(await server.psql('select timeline_id from pg_control_checkpoint()'), '2')
    await world.storeLog() // Segments of the old timeline that ended in the middle would be refused here.
    assert.equal(world.archived().includes('00000002.history'), true)

    await world.expect(0, 'procedure', 'roll-back', end!.run)
    assert.equal(await world.orders(), 4)
    assert.equal(existsSync(end!.oldPath), false)
    await world.expect(0, 'procedure', 'roll-back', end!.run)
    assert.equal(await world.orders(), 4, 'a second time changes nothing')
  },
)

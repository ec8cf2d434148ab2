/** The database restore of a PostgreSQL server where something goes wrong, to a point in time, and killed at its steps. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { archivingSettings, makePostgresqlProcedureWorld } from '../testing/postgresql-procedure-world.ts'
import { postgresqlTest } from '../testing/postgresql-test.ts'
import { runProgram } from '../testing/run-program.ts'

const restore = ['procedure', 'run', 'database-restore', '--source', 'orders', '--json']
const accept = ['--accept-weaker', 'a test']
const program = fileURLToPath(new URL('../testing/killed-program.ts', import.meta.url))
const options = { versions: [15, 16, 17, 18], initdb: ['--wal-segsize=1'], settings: archivingSettings } as const

function runOf(text: string): string {
  return /procedure resume (run-[0-9a-f]+)/.exec(text)![1]!
}

postgresqlTest(
  'what is not proven never comes into the place of a server, and says what is stopped',
  options,
  async ({ server }) => {
    const { dataFolder } = server
    await server.psql('create table orders (n int); insert into orders values (1), (2), (3)')
    const assertion = "assertions: [{ name: three, sql: 'select count(*) from orders', atLeast: 3, atMost: 3 }]"
    await using world = await makePostgresqlProcedureWorld(server, {
      source: [`dataDirectory: ${dataFolder}`, assertion],
      services: ['web', 'database'],
      expectOrders: 3,
    })
    await world.expect(0, 'backup')
    await server.psql('insert into orders values (4)')
    const policy = readFileSync(world.policyPath, 'utf8')

    // A proof that fails.
    writeFileSync(world.policyPath, policy.replace('atLeast: 3, atMost: 3', 'atMost: 2'))
    const failed = await world.run(...restore, ...accept)
    writeFileSync(world.policyPath, policy)
    assert.equal(failed.code, 5, failed.stdout + failed.stderr)
    assert.match(
      failed.stderr,
      /stopped at .*Verify data integrity.*assertion .*three.*: found .*3.*, expected a number of at most 2; .*is untouched/,
    )
    assert.match(failed.stderr, /STOPPED and not started again: web, database/)
    assert.equal(existsSync(`${dataFolder}/PG_VERSION`), true)
    await world.expect(0, 'procedure', 'roll-back', runOf(failed.stderr), ...accept)
    assert.equal(await world.orders(), 4)
    assert.equal(existsSync(`${dataFolder}.zakops-${runOf(failed.stderr)}.new`), false)

    // A server that nobody stops.
    writeFileSync(world.policyPath, policy.replace('services: [web, database]', 'services: [web]'))
    const busy = await world.run(...restore, ...accept)
    assert.equal(busy.code, 5)
    assert.match(busy.stderr, /has it in use \(process \d+/)
    await world.expect(0, 'procedure', 'roll-back', runOf(busy.stderr), ...accept)
    writeFileSync(world.policyPath, policy.replace('    services: [web, database]\n', ''))
    const alone = await world.run(...restore, ...accept)
    assert.notEqual(alone.code, 0)
    assert.match(alone.stderr, /the source names no service that stops it/)
    writeFileSync(world.policyPath, policy)
    assert.equal(await world.orders(), 4)

    // What of ours lies in the data directory would be moved away with it.
    writeFileSync(world.policyPath, policy.replace(/^( +dataDirectory: ).*$/m, `$1${world.folder}`))
    const within = await world.run(...restore, ...accept)
    writeFileSync(world.policyPath, policy)
    assert.notEqual(within.code, 0)
    assert.match(within.stderr, /of the policy lies in it/)

    // A server that does not start again: the run goes on when it can.
    writeFileSync(`${world.folder}/start-database-fails`, '')
    const unstarted = await world.run(...restore, ...accept)
    assert.equal(unstarted.code, 5)
    assert.match(unstarted.stderr, /stopped at .*Restart services.*STOPPED and not started again: web, database/)
    rmSync(`${world.folder}/start-database-fails`)
    await world.expect(0, 'procedure', 'resume', runOf(unstarted.stderr))
    assert.equal(await world.orders(), 3)
  },
)

postgresqlTest(
  'a server is restored in its place to a restore point, and again from the timeline that it began',
  options,
  async ({ server }) => {
    const { dataFolder } = server
    await server.psql('create table orders (n int); insert into orders values (1), (2), (3)')
    await using world = await makePostgresqlProcedureWorld(server, {
      source: [`dataDirectory: ${dataFolder}`],
      services: ['web', 'database'],
      expectOrders: 4,
    })
    await world.expect(0, 'backup')
    await server.psql('insert into orders values (4)')
    await server.psql("select pg_create_restore_point('before the accident')")
    await server.psql('delete from orders')
    await world.storeLog()
    for (const words of [[], ['--backup', 'abcd']]) {
      const { code } = await world.run(...restore, '--to', 'no such point', ...words)
      assert.notEqual(code, 0)
    }
    assert.deepEqual(world.serviceLog().slice(2), [], 'nothing was stopped for a point that can not be reached')
    const [end] = await world.expect(0, ...restore, '--to', 'before the accident')
    assert.equal(end!.proven, true)
    assert.match(end!.summary, /stands at restore point "before the accident".*it is on timeline 2 now/)
    assert.equal(await world.orders(), 4)

    await server.psql('insert into orders values (5)')
    await server.psql("select pg_create_restore_point('later')")
    await server.psql('delete from orders')
    await world.storeLog()
    const policy = readFileSync(world.policyPath, 'utf8')
    writeFileSync(world.policyPath, policy.replaceAll('expect: "4"', 'expect: "5"'))
    const [again] = await world.expect(0, ...restore, '--to', 'later', ...accept)
    assert.match(again!.summary, /it is on timeline 3 now/)
    assert.equal(await world.orders(), 5)
  },
)

postgresqlTest(
  'a restore of a server that is killed goes on at its step, and ends right',
  { ...options, versions: [18] },
  async ({ server }) => {
    const { dataFolder } = server
    await server.psql('create table orders (n int); insert into orders values (1), (2), (3)')
    await using world = await makePostgresqlProcedureWorld(server, {
      source: [`dataDirectory: ${dataFolder}`],
      services: ['web', 'database'],
      expectOrders: 3,
    })
    await world.expect(0, 'backup')
    await server.psql('insert into orders values (4)')
    for (const [step, moment] of [
      [4, 9],
      [4, 'after'],
      [5, 9],
      [5, 'after'],
      [6, 'before'],
      [6, 3],
      [6, 'after'],
      [7, 'after'],
    ]) {
      const environment = { PATH: `${server.binFolder}:${process.env['PATH']}`, TMPDIR: world.folder }
      const words = [program, String(step), String(moment), ...restore.slice(0, -1)]
      const end = await runProgram(process.execPath, words, { cwd: world.folder, environment })
      assert.equal(end.signal, 'SIGKILL', end.stderr)
      const id = /run (run-[0-9a-f]+)/.exec(end.stderr)![1]!
      await world.expect(0, 'procedure', 'resume', id)
      assert.equal(await world.orders(), 3)
      await world.expect(0, 'procedure', 'roll-back', id)
      assert.equal(await world.orders(), 4)
    }
  },
)

postgresqlTest(
  'databases of dumps are restored beside, proven there, renamed into place, and back on request',
  { versions: [15] },
  async ({ server }) => {
    await server.psql('create role "shop\'s" login')
    await server.psql('create database shop owner "shop\'s"')
    const inShop = { database: 'shop' } as const
    await server.psql('create table orders (n int); insert into orders values (1), (2), (3)', inShop)
    const assertion = "assertions: [{ name: three, sql: 'select count(*) from orders', atLeast: 3, atMost: 3 }]"
    await using world = await makePostgresqlProcedureWorld(server, {
      source: ['mode: logical', assertion],
      services: ['web'],
      expectOrders: 3,
      ...inShop,
    })
    await world.expect(0, 'backup')
    await server.psql('insert into orders values (4)', inShop)
    const databases = 'select datname from pg_database where not datistemplate order by 1'
    const before = await server.psql(databases)
    const { stdout: plan } = await world.run(...restore.slice(0, -1), '--dry-run')
    assert.match(plan, /restores each database under a new name, beside postgres, shop/)
    assert.equal(await server.psql(databases), before, 'a dry run makes nothing')

    // A proof that fails: the database in production is not touched, and nothing is left of the restored one.
    const policy = readFileSync(world.policyPath, 'utf8')
    writeFileSync(world.policyPath, policy.replace('atLeast: 3, atMost: 3', 'atMost: 2'))
    const failed = await world.run(...restore, ...accept)
    writeFileSync(world.policyPath, policy)
    assert.equal(failed.code, 5, failed.stdout + failed.stderr)
    assert.match(
      failed.stderr,
      /assertion .*three.*: found .*3.*, expected a number of at most 2; .*is untouched.*STOPPED and not started again: web/,
    )
    await world.expect(0, 'procedure', 'roll-back', runOf(failed.stderr), ...accept)
    assert.equal(await server.psql(databases), before)
    assert.equal(await world.orders(), 4)

    const [end] = await world.expect(0, ...restore)
    assert.equal(end!.proven, true)
    assert.equal(await world.orders(), 3)
    const old = end!.oldPath.split(', ')[1]!
    assert.equal(await server.psql('select count(*) from orders', { database: old }), '4')
    assert.equal(await server.psql('select count(*) from orders', { ...inShop, user: 'postgres' }), '3')
    for (let times = 0; times < 2; times++) {
      await world.expect(0, 'procedure', 'roll-back', end!.run)
      assert.equal(await world.orders(), 4)
    }
    const closed = await server.psql('select count(*) from pg_database where not datallowconn and not datistemplate')
    assert.equal(closed, '0', 'no database is left closed')

    // Where the database and the role of its owner are lost, both come back.
    for (const sql of ['drop database shop with (force)', 'drop role "shop\'s"'] as const) {
      for (const name of (await server.psql(databases)).split('\n').filter((one) => one.startsWith('zakops_'))) {
        await server.psql(`drop database "${name}" with (force)`)
      }
      await server.psql(sql)
    }
    const [lost] = await world.expect(0, ...restore)
    assert.equal(lost!.proven, true)
    assert.equal(await world.orders(), 3)
    const owner = 'select pg_get_userbyid(datdba) from pg_database where datname = $$shop$$'
    assert.equal(await server.psql(owner), "shop's")
  },
)

postgresqlTest(
  'a restore of dumps that is killed between its steps goes on, and ends right',
  { versions: [15] },
  async ({ server }) => {
    await server.psql('create table orders (n int); insert into orders values (1), (2), (3)')
    await using world = await makePostgresqlProcedureWorld(server, {
      source: ['mode: logical'],
      services: ['web'],
      expectOrders: 3,
    })
    await world.expect(0, 'backup')
    await server.psql('insert into orders values (4)')
    for (const [step, moment] of [
      [4, 9],
      [4, 'after'],
      [5, 2],
      [6, 'after'],
    ]) {
      const environment = { PATH: `${server.binFolder}:${process.env['PATH']}`, TMPDIR: world.folder }
      const words = [program, String(step), String(moment), ...restore.slice(0, -1)]
      const end = await runProgram(process.execPath, words, { cwd: world.folder, environment })
      assert.equal(end.signal, 'SIGKILL', end.stderr)
      const id = /run (run-[0-9a-f]+)/.exec(end.stderr)![1]!
      await world.expect(0, 'procedure', 'resume', id)
      assert.equal(await world.orders(), 3)
      await world.expect(0, 'procedure', 'roll-back', id)
      assert.equal(await world.orders(), 4)
      const restored = `zakops_${id.replaceAll(/[^a-z0-9]/g, '')}_restored_1`
      await server.psql(`drop database ${restored} with (force)`, { database: 'template1' })
    }
  },
)

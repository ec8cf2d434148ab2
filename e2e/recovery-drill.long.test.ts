/**
 * The drill of a whole platform by shares of the recovery kit: a PostgreSQL server with an application on it, a SQLite database and
 * documents; first as a rehearsal beside production, then after a real loss, on what is a new machine to the program.
 */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { archivingSettings, makePostgresqlProcedureWorld } from '../testing/postgresql-procedure-world.ts'
import { noServerUser, postgresqlTest } from '../testing/postgresql-test.ts'
import { makeProcedureWorld } from '../testing/procedure-world.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'

/** The documents and a database, in the folder of the world; as `init` takes them. */
function makeSources(folder: string): string[] {
  mkdirSync(join(folder, 'documents'))
  writeFileSync(join(folder, 'documents/contract'), 'signed')
  const database = new DatabaseSync(join(folder, 'shop.db'))
  database.exec("create table customers (name text); insert into customers values ('Ann'), ('Ben')")
  database.close()
  return [`files:documents=${join(folder, 'documents')}`, `sqlite:shop=${join(folder, 'shop.db')}`]
}

function customersIn(path: string): number {
  const database = new DatabaseSync(path, { readOnly: true })
  const { count } = database.prepare('select count(*) as count from customers').get() as { count: number }
  database.close()
  return count
}

postgresqlTest(
  'everything comes back by shares of the recovery kit, beside production and after its loss',
  { versions: [18], skip: noServerUser, initdb: ['--wal-segsize=1'], settings: archivingSettings },
  async ({ server }) => {
    const { dataFolder } = server
    await server.psql('create table orders (n int); insert into orders values (1), (2), (3)')
    const assertion = "assertions: [{ name: some, sql: 'select count(*) from orders', atLeast: 3, atMost: 9 }]"
    await using world = await makePostgresqlProcedureWorld(server, {
      source: [`dataDirectory: ${dataFolder}`, assertion],
      services: ['web', 'database'],
      expectOrders: 3,
      moreSources: makeSources,
    })
    const at = (name: string): string => join(world.folder, name)
    await world.expect(0, 'backup')
    await world.expect(0, 'keys', 'kit', 'create', '--to', at('kit'))
    const shares = [5, 1, 4].flatMap((number) => ['--share', at(`kit/share-${number}.txt`)])
    const drill = ['procedure', 'run', 'recovery-drill', '--into', at('drill'), ...shares, '--json']
    await server.psql('insert into orders values (4)')
    const log = world.serviceLog().length

    // A rehearsal: production goes on, and nothing of what was restored is left.
    renameSync(at('zakops-primary'), at('away'))
    const [rehearsed] = await world.expect(0, ...drill)
    renameSync(at('away'), at('zakops-primary'))
    assert.equal(rehearsed!.outcome, 'recovered')
    assert.equal(rehearsed!.negativeControl!.outcome, 'rejected')
    assert.deepEqual([rehearsed!.removed, rehearsed!.kept], [['orders', 'shop', 'documents'], []])
    assert.deepEqual(readdirSync(at('drill')), [])
    assert.deepEqual(foldersOfDrills(world.folder), [])
    assert.equal(await world.orders(), 4, 'the application answered by what is in production')
    assert.deepEqual(world.serviceLog().slice(log), [], 'no service was touched')

    // A question that the restored server answers wrong fails the drill, and what differs stays.
    const policy = readFileSync(world.policyPath, 'utf8')
    writeFileSync(
      world.policyPath,
      policy.replace('count(*) from orders, expect: "3"', 'count(*) from orders, atLeast: 4'),
    )
    const [failed] = await world.expect(5, ...drill, '--accept-weaker', 'a test')
    writeFileSync(world.policyPath, policy)
    assert.match(failed!.gaps[0]!, /^orders: different: ".*": found "3", expected a number of at least 4$/)
    assert.deepEqual(failed!.removed, ['shop', 'documents'])
    assert.equal(foldersOfDrills(world.folder).length, 1)
    for (const name of ['drill', ...foldersOfDrills(world.folder)]) rmSync(at(name), { recursive: true })

    // The loss: what is left is the off-site location and the shares.
    for (const name of ['web', 'database'] as const) world.control(name, 'stop')
    for (const name of ['zakops-primary', 'zakops-state', 'documents', 'shop.db', 'keys', 'zakops-keyring']) {
      rmSync(at(name), { recursive: true, force: true })
    }
    rmSync(dataFolder, { recursive: true })
    rmSync(world.policyPath)
    await world.expect(0, 'keys', 'kit', 'open', ...shares, '--policy-to', world.policyPath)
    assert.equal(readFileSync(world.policyPath, 'utf8'), policy)
    assert.notEqual((await world.run(...drill)).code, 0, 'without keys')
    await world.expect(0, 'keys', 'import', ...shares)
    const [end] = await world.expect(0, ...drill)
    assert.equal(end!.proven, true)
    assert.deepEqual(end!.removed, [])
    const folders = Object.fromEntries(end!.kept.map(({ source, folder }) => [source, folder]))
    assert.equal(customersIn(join(folders['shop']!, 'shop.db')), 2)
    assert.equal(readFileSync(join(folders['documents']!, at('documents/contract')), 'utf8'), 'signed')
    // The server is put where it was, and the application works on it.
    renameSync(folders['orders']!, dataFolder)
    chmodSync(dataFolder, 0o700)
    for (const name of ['database', 'web'] as const) world.control(name, 'start')
    assert.equal(await world.orders(), 3)
  },
)

test('of what production has still nothing is left, and where a source is gone what was restored stays', async () => {
  await using folder = temporaryFolder('recovery-drill')
  const world = await makeProcedureWorld(folder.path)
  await world.expect(0, 'backup')
  const files = [2, 5, 1].flatMap((number) => ['--share', folder.at(`kit/share-${number}.txt`)])
  const drill = ['procedure', 'run', 'recovery-drill', '--into', folder.at('copies'), ...files, '--json']
  await world.expect(0, 'keys', 'kit', 'create', '--to', folder.at('kit'))
  const [end] = await world.expect(0, ...drill)
  assert.deepEqual([end!.outcome, end!.removed, end!.kept], ['recovered', ['orders', 'documents'], []])
  assert.deepEqual(readdirSync(folder.at('copies')), [])

  renameSync(folder.at('documents'), folder.at('lost'))
  mkdirSync(folder.at('documents')) // As a package would make it on a new machine.
  const [gone] = await world.expect(0, ...drill)
  rmSync(folder.at('documents'), { recursive: true })
  renameSync(folder.at('lost'), folder.at('documents'))
  const kept = [{ source: 'documents', folder: folder.at('copies/restored/documents') }]
  assert.deepEqual([gone!.removed, gone!.kept], [['orders'], kept])
  assert.equal(
    readFileSync(folder.at(`copies/restored/documents/${folder.path}/documents/letters/one`), 'utf8'),
    'one',
    'what stays was not damaged for the negative control',
  )
  assert.deepEqual(readdirSync(folder.at('copies/restored')), ['documents'])
})

function foldersOfDrills(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.startsWith('zakops-drill-'))
}

/** Restore tests as the service and a person run them: what is there is proven, what is damaged is found, and blindness is told. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openSqliteCatalog } from '../src/catalog/sqlite/sqlite-catalog.ts'
import { makeProcedureWorld, type ProcedureWorld } from '../testing/procedure-world.ts'
import { type TemporaryFolder, temporaryFolder } from '../testing/temporary-folder.ts'

let folder: TemporaryFolder
let world: ProcedureWorld

before(async () => {
  folder = temporaryFolder('restore-test')
  world = await makeProcedureWorld(folder.path)
  await world.expect(0, 'backup')
  await world.expect(0, 'backup')
})
after(async () => folder[Symbol.asyncDispose]())

const words = ['procedure', 'run', 'restore-test', '--json']

test('a restore test proves a backup of each kind, finds the damage that it makes, and leaves nothing behind', async () => {
  for (const source of ['documents', 'orders']) {
    const [end] = await world.expect(0, ...words, '--source', source, '--seed', '7')
    assert.equal(end!.outcome, 'equal')
    assert.equal(end!.negativeControl!.outcome, 'rejected', JSON.stringify(end))
    assert.notEqual(end!.negativeControl!.found, null)
  }
  assert.deepEqual(
    readdirSync(folder.at('zakops-state/work')).filter((name) => name.includes('restore-test')),
    [],
  )
  await using catalog = await openSqliteCatalog(folder.at('zakops-state/catalog.sqlite'))
  const proofs = await catalog.proofs()
  assert.deepEqual(
    proofs.map(({ source, outcome }) => [source, outcome]),
    [
      ['documents', 'equal'],
      ['orders', 'equal'],
    ],
  )
  assert.equal(
    proofs.filter(({ location }) => location === 'secondary').length > 0,
    true,
    'every second one is off-site',
  )
})

test('what the policy asserts of a database is asked of the restored copy, whatever its backup', async () => {
  const policy = folder.at('zakops-backup.yaml')
  const text = readFileSync(policy, 'utf8')
  const asserting = (questions: string): void => {
    writeFileSync(policy, text.replace('kind: sqlite\n', `kind: sqlite\n    assertions: [${questions}]\n`))
  }
  asserting('{ name: some, sql: select count(*) from orders, atLeast: 1, atMost: 5 }')
  const [held] = await world.expect(0, ...words, '--source', 'orders')
  assert.equal(held!.outcome, 'equal')
  const many = '{ name: many, sql: select count(*) from orders, atLeast: 2 }'
  asserting(`${many}, { name: paid, sql: select count(*) from payments, expect: "0" }`)
  const [failed] = await world.expect(5, ...words, '--source', 'orders', '--accept-weaker', 'a test')
  writeFileSync(policy, text)
  assert.equal(failed!.outcome, 'different')
  assert.equal(failed!.gaps[0], 'assertion "many": found "1", expected a number of at least 2')
  assert.match(failed!.gaps[1]!, /^assertion "paid": it can not be asked: .*no such table: payments/)
  await world.expect(0, ...words, '--source', 'orders', '--accept-weaker', 'the test is over')
})

test('the same seed draws the same backup', async () => {
  const plan = ['procedure', 'run', 'restore-test', '--seed', '11', '--dry-run']
  const [first, second] = [await world.run(...plan), await world.run(...plan)]
  assert.match(first.stdout, /seed 11/)
  assert.equal(first.stdout.split('\n')[0], second.stdout.split('\n')[0])
})

test('a damaged copy fails the test, which says what is damaged, and the status is breached', async () => {
  const spoilt = ['primary', 'secondary'].flatMap((location) =>
    readdirSync(folder.at(location), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.parentPath.includes('/data/'))
      .map((entry) => join(entry.parentPath, entry.name)),
  )
  const whole = spoilt.map((path) => [path, readFileSync(path)] as const)
  for (const [path, bytes] of whole) {
    const damaged = Buffer.from(bytes)
    for (let at = 40; at < damaged.length; at += 50) damaged[at]! ^= 1
    writeFileSync(path, damaged)
  }
  const { code, stdout } = await world.run(...words, '--source', 'orders')
  for (const [path, bytes] of whole) writeFileSync(path, bytes)
  assert.equal(code, 5, stdout)
  const end = JSON.parse(stdout.trim().split('\n').at(-1)!) as {
    readonly outcome: string
    readonly gaps: readonly string[]
  }
  assert.equal(end.outcome, 'different')
  assert.ok(end.gaps.length > 0)
  const status = await world.run('status')
  assert.equal(status.code, 5)
  assert.match(status.stdout, /what was restored is not what was backed up/)
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { sampleBackup, sampleCopy, sampleId, sampleRun } from '../../../testing/backup-samples.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { isFailure } from '../../base/failure.ts'
import type { FailureCode } from '../../base/failure.ts'
import { catalogContract } from '../catalog.contract.ts'
import { isRunProcessAlive, runProcess } from '../run-process.ts'
import { openSqliteCatalog } from './sqlite-catalog.ts'

catalogContract('openSqliteCatalog()', async (context) => openSqliteCatalog(newPath(context)))

function newPath(context: TestContext): string {
  const folder = temporaryFolder('catalog')
  context.after(() => folder[Symbol.asyncDispose]())
  return folder.at('state', 'catalog.sqlite')
}

function startWriter(context: TestContext, path: string, first: number, count: number): ChildProcess {
  const program = new URL('../../../testing/catalog-writer.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [program, path, String(first), String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  context.after(() => child.kill('SIGKILL'))
  return child
}

async function assertFailure(promise: Promise<unknown>, code: FailureCode, message: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isFailure(error, code), String(error))
    assert.match(error.message, message)
    return true
  })
}

test('openSqliteCatalog() lets only its owner read the file, its log and its folder', async (context) => {
  const path = newPath(context)
  const before = process.umask(0)
  context.after(() => process.umask(before))
  await using catalog = await openSqliteCatalog(path)
  await catalog.addBackup(sampleBackup())
  assert.equal(statSync(dirname(path)).mode & 0o7777, 0o700)
  for (const file of [path, `${path}-wal`, `${path}-shm`]) assert.equal(statSync(file).mode & 0o7777, 0o600, file)
})

test('openSqliteCatalog() takes rights away from a file that others may read, and refuses a folder they may write', async (context) => {
  const path = newPath(context)
  await (await openSqliteCatalog(path)).close()
  chmodSync(path, 0o644)
  await (await openSqliteCatalog(path)).close()
  assert.equal(statSync(path).mode & 0o7777, 0o600)
  chmodSync(dirname(path), 0o1777)
  await assertFailure(openSqliteCatalog(path), 'storage_denied', /others may write its folder \(mode 1777\), expected/)
  chmodSync(dirname(path), 0o755)
  await (await openSqliteCatalog(path)).close()
})

test('openSqliteCatalog() refuses what is no catalog, a later form, and damage, and leaves the file as it is', async (context) => {
  const path = newPath(context)
  mkdirSync(dirname(path), { mode: 0o700 })
  const refused = async (message: RegExp): Promise<void> => {
    const before = readFileSync(path)
    await assertFailure(openSqliteCatalog(path), 'catalog_unreadable', message)
    assert.deepEqual(readFileSync(path), before)
  }
  writeFileSync(path, 'these are not the bytes of a database, for sure. '.repeat(100))
  await refused(/no SQLite database/)
  writeFileSync(path, '')
  const change = (text: string): void => {
    const database = new DatabaseSync(path)
    database.exec(text)
    database.close()
  }
  change('CREATE TABLE bookmarks (url TEXT)')
  await refused(/database of another program/)
  change('PRAGMA user_version = 1')
  await refused(/database of another program/)
  change('DROP TABLE bookmarks; PRAGMA user_version = 0')
  await (await openSqliteCatalog(path)).close()
  change('PRAGMA user_version = 99')
  await refused(/its form is number 99, this program knows up to \d+$/)
})

test('openSqliteCatalog() tells damage of a page instead of answering less', async (context) => {
  const path = newPath(context)
  const catalog = await openSqliteCatalog(path)
  for (let number = 1; number <= 500; number++) await catalog.addBackup(sampleBackup({ id: sampleId(number) }))
  await catalog.close()
  const database = new DatabaseSync(path)
  const pages = database.prepare("SELECT pageno FROM dbstat WHERE name = 'backups'").all()
  database.close()
  const bytes = readFileSync(path)
  for (const { pageno } of pages.slice(0, -2)) bytes.fill(0xff, (Number(pageno) - 1) * 4096, Number(pageno) * 4096)
  writeFileSync(path, bytes)
  await using damaged = await openSqliteCatalog(path)
  await assertFailure(
    damaged.backups(),
    'catalog_unreadable',
    /Cannot read the catalog ".*catalog.sqlite": it is damaged/,
  )
})

test('a row whose content is no record is told with its column, and not thrown away', async (context) => {
  const path = newPath(context)
  await using catalog = await openSqliteCatalog(path)
  await catalog.addBackup(sampleBackup())
  await catalog.addCopy(sampleCopy())
  await catalog.beginRun(sampleRun())
  await catalog.endRun(sampleRun().id, { state: 'done', endedAt: new Date(0), summary: '' })
  const cases: readonly (readonly [string, () => Promise<unknown>, RegExp])[] = [
    [
      "backups SET kind = 'half'",
      () => catalog.backups(),
      /backup "0+1" .*: kind is "half", expected one of full, inc/,
    ],
    ["backups SET kind = 'full', bytes = -1", () => catalog.backups(), /bytes is -1, expected a whole number/],
    ["backups SET bytes = 1, tree = 'x'", () => catalog.backups(), /tree is "x", expected 64 hexadecimal digits/],
    ["copies SET location = 'moon'", () => catalog.copies(), /location is "moon", expected one of primary, secondary/],
    ["runs SET state = 'ready'", () => catalog.runs(), /run "run-0+1" .*: state is "ready"/],
    ["runs SET state = 'gaps', gaps = '[1]'", () => catalog.runs(), /gaps is "\[1\]", expected a list of texts/],
    ["runs SET gaps = '{'", () => catalog.runs(), /gaps is "\{"/],
    ["runs SET state = 'failed', failure = 'bad luck', message = ''", () => catalog.runs(), /failure is "bad luck"/],
    ["runs SET state = 'lost', ended_at = NULL", () => catalog.runs(), /ended_at is null, expected a time/],
    ['runs SET ended_at = 9223372036854775807', () => catalog.runs(), /it holds a number out of range/],
    ['runs SET ended_at = 9000000000000000', () => catalog.runs(), /ended_at is 9000000000000000, expected a time/],
  ]
  const database = new DatabaseSync(path)
  context.after(() => database.close())
  for (const [change, read, message] of cases) {
    database.exec(`UPDATE ${change}`)
    await assertFailure(read(), 'catalog_unreadable', message)
  }
})

test('what a killed process was told is written is there, and its run is found lost', async (context) => {
  const path = newPath(context)
  const child = startWriter(context, path, 1, 1_000_000)
  let last = 0
  for await (const line of createInterface({ input: child.stdout! })) {
    last = Number(line)
    if (last === 40) child.kill('SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  await using catalog = await openSqliteCatalog(path)
  const backups = await catalog.backups()
  // The last number may have been said only in part, or not at all.
  assert.ok(last >= 40 && backups.length >= last && backups.length <= last + 1, `${backups.length} of ${last}`)
  assert.ok((await catalog.copies()).length >= last)
  // The run, and each backup and copy: no record without its entry, no entry without its record.
  assert.equal((await catalog.evidence()).length, 1 + backups.length + (await catalog.copies()).length)
  assert.equal((await catalog.runs({ state: 'running' })).length, 1)
  const lost = await catalog.loseDeadRuns((one) => isRunProcessAlive(one, 'here'), new Date('2026-03-02T00:00:00Z'))
  assert.deepEqual(
    lost.map(({ id, state }) => `${id} ${state}`),
    ['run-1 lost'],
  )
})

test('several processes may open a new catalog and write at once', async (context) => {
  const path = newPath(context)
  const children = [1000, 2000, 3000, 4000].map((first) => startWriter(context, path, first, 50))
  for (const child of children) child.stdout!.resume()
  const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0] as number))
  assert.deepEqual(codes, [0, 0, 0, 0])
  await using catalog = await openSqliteCatalog(path)
  assert.equal((await catalog.backups()).length, 200)
  assert.equal((await catalog.copies()).length, 200)
  assert.equal((await catalog.runs({ state: 'done' })).length, 4)
  const entries = await catalog.evidence()
  assert.equal(entries.length, 408)
  assert.deepEqual(
    entries.map(({ previousHash }) => previousHash),
    [(await catalog.ledgerEnd()).ledger, ...entries.slice(0, -1).map(({ hash }) => hash)],
  )
})

test('the ledger of a file can be added to and not changed by a statement', async (context) => {
  const path = newPath(context)
  await using catalog = await openSqliteCatalog(path)
  await catalog.addBackup(sampleBackup())
  const database = new DatabaseSync(path)
  context.after(() => database.close())
  for (const text of ['DELETE FROM ledger', "UPDATE ledger SET actor = 'x'"]) {
    assert.throws(() => database.exec(text), /the ledger is only added to/)
  }
  assert.equal((await catalog.evidence())[0]!.actor, 'run run-0000000000000001')
})

test('isRunProcessAlive() does not take a later process of the same number for the run’s', () => {
  const mine = runProcess('here', process.pid)
  assert.equal(isRunProcessAlive(mine, 'here'), true)
  assert.equal(isRunProcessAlive({ ...mine, birth: undefined }, 'here'), true)
  assert.equal(isRunProcessAlive({ ...mine, processId: 0x3fff_fffe }, 'here'), false)
  assert.equal(isRunProcessAlive({ ...mine, processId: 0x3fff_fffe }, 'elsewhere'), true)
  if (existsSync('/proc/self/stat')) assert.equal(isRunProcessAlive({ ...mine, birth: 'boot/1' }, 'here'), false)
})

/** The policy as its users keep it: every command under a policy, on real files and databases, in order. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after as afterAll, before as beforeAll, test } from 'node:test'
import { systemClock } from '../src/base/clock.ts'
import { type CommandRun, runWords } from '../testing/fake-world.ts'
import { type TemporaryFolder, temporaryFolder } from '../testing/temporary-folder.ts'
import { treeDifferences } from '../testing/tree-differences.ts'

let folder: TemporaryFolder

beforeAll(() => {
  folder = temporaryFolder('policy')
  mkdirSync(folder.at('documents/letters'), { recursive: true })
  writeFileSync(folder.at('documents/letters/one'), 'one')
  writeFileSync(folder.at('documents/large'), randomBytes(2_000_000))
  change("create table orders (id integer primary key, item text); insert into orders (item) values ('first')")
})
afterAll(async () => folder[Symbol.asyncDispose]())

function change(sql: string): void {
  const database = new DatabaseSync(folder.at('orders.db'), { timeout: 10_000 })
  database.exec(sql)
  database.close()
}

function orders(path = folder.at('orders.db')): unknown[] {
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    return database
      .prepare('select item from orders order by id')
      .all()
      .map((row) => row['item'])
  } finally {
    database.close()
  }
}

/** That a restore was compared is not in the repositories. */
function withoutProof(line: Line): unknown {
  return { ...line, proven: undefined }
}

async function run(...words: string[]): Promise<CommandRun> {
  return await runWords(words, {
    workingDirectory: folder.path,
    environment: { PATH: process.env['PATH'] },
    userId: process.getuid!(),
  })
}

/** A line of --json. Its members are whatever the test says of them. */
interface Line {
  readonly [name: string]: unknown
  readonly bytes_added: number
  readonly snapshot_id: string
}

async function ok(...words: string[]): Promise<Line[]> {
  const { code, stdout, stderr } = await run(...words)
  assert.equal(code, 0, `${words.join(' ')} ended with ${code}\n${stdout}${stderr}`)
  return words.includes('--json')
    ? stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
    : []
}

function filesBelow(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

function largestPack(location: string): string {
  const packs = filesBelow(folder.at(location)).filter((path) => path.includes('/data/'))
  return packs.toSorted((a, b) => readFileSync(b).length - readFileSync(a).length)[0]!
}

test('init writes a policy and a keyring that run as they are', async () => {
  const sources = [
    '--source',
    `files:documents=${folder.at('documents')}`,
    '--source',
    `sqlite:orders=${folder.at('orders.db')}`,
  ]
  const words = ['init', '--environment', 'production', '--primary', folder.at('primary'), ...sources, '--yes']
  assert.equal((await run(...words)).code, 2, 'production without an off-site location')
  await ok(...words, '--secondary', folder.at('secondary'))
  await ok('policy', 'check')
})

test('the first backup is a full one of each source, at both locations; the next are incremental', async () => {
  const first = await ok('backup', '--json')
  assert.deepEqual(
    first.map((one) => [one['source'], one['kind'], one['copies']]),
    [
      ['documents', 'full', ['primary', 'secondary']],
      ['orders', 'full', ['primary', 'secondary']],
    ],
  )
  writeFileSync(folder.at('documents/letters/two'), 'two')
  change("insert into orders (item) values ('second')")
  const second = await ok('backup', '--json')
  assert.deepEqual(
    second.map((one) => one['kind']),
    ['incremental', 'incremental'],
  )
  assert.ok(second[0]!.bytes_added < 100_000, 'only what changed is stored')
  const full = await ok('backup', 'documents', '--kind', 'full', '--json')
  assert.deepEqual(
    full.map((one) => [one['source'], one['kind']]),
    [['documents', 'full']],
  )
})

test('a restore is proven by the manifest, from either location', async () => {
  for (const location of ['primary', 'secondary']) {
    const back = folder.at(`back-${location}`)
    const [files] = await ok('restore', 'documents', '--to', back, '--location', location, '--json')
    assert.equal(files!['manifest'], 'equal')
    assert.deepEqual(treeDifferences(folder.at('documents'), back + folder.at('documents')), [])
    const [database] = await ok('restore', 'orders', 'latest', '--to', back, '--location', location, '--json')
    assert.equal(database!['manifest'], 'equal')
    assert.deepEqual(orders(join(back, 'orders.db')), ['first', 'second'])
  }
  const listed = await ok('backups', 'documents', '--json')
  assert.deepEqual(
    listed.map((one) => one['proven']),
    [false, false, true],
  )
})

test('damage is found at the location, healed from the other, and a full stores anew what it relies on', async () => {
  for (const location of ['primary', 'secondary']) {
    const pack = largestPack(location)
    const bytes = readFileSync(pack)
    bytes[bytes.length >> 1]! ^= 1
    writeFileSync(pack, bytes)
    const found = await run('verify', '--read-data', '--json')
    assert.equal(found.code, 5, found.stdout + found.stderr)
    const states = found.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      states.map((one) => [one['location'], one['state']]),
      [
        ['primary', location === 'primary' ? 'damaged' : 'intact'],
        ['secondary', location === 'primary' ? 'intact' : 'damaged'],
      ],
    )
    await ok('heal')
    await ok('verify', '--read-data')
  }
})

test('a secondary that is away makes gaps, and is caught up later by itself', async () => {
  renameSync(folder.at('secondary'), folder.at('away'))
  const without = await run('backup', 'orders', '--json')
  assert.equal(without.code, 3, without.stderr)
  assert.deepEqual(JSON.parse(without.stdout)['copies'], ['primary'])
  assert.match(without.stderr, /secondary location/)
  renameSync(folder.at('away'), folder.at('secondary'))
  const [next] = await ok('backup', 'orders', '--json')
  assert.deepEqual(next!['copies'], ['primary', 'secondary'])
  const listed = await ok('backups', 'orders', '--json')
  for (const one of listed) assert.deepEqual(one['copies'], ['primary', 'secondary'])
})

test('an empty folder in the place of the secondary is not taken for it', async () => {
  renameSync(folder.at('secondary'), folder.at('away'))
  mkdirSync(folder.at('secondary'))
  const found = await run('replicate')
  assert.equal(found.code, 3)
  assert.match(found.stderr, /is empty, although backups were copied to it/)
  assert.deepEqual(readdirSync(folder.at('secondary')), [])
  rmSync(folder.at('secondary'), { recursive: true })
  renameSync(folder.at('away'), folder.at('secondary'))
  await ok('replicate')
})

test('guard backs up and proves before the command, passes its exit code on, and puts the database back', async () => {
  const script = `const { DatabaseSync } = require('node:sqlite'); new DatabaseSync(process.argv[1]).exec(process.argv[2])`
  const node = [process.execPath, '-e']
  const sql = (text: string, end = '') => [...node, `${script}${end}`, folder.at('orders.db'), text]
  assert.equal((await run('guard', 'orders', '--', ...sql("insert into orders (item) values ('third')"))).code, 0)
  assert.match((await run('status')).stdout, /met +Database snapshots: SQLite/)
  const failed = await run(
    'guard',
    'orders',
    '--restore-on-failure',
    '--',
    ...sql('delete from orders', '; process.exit(9)'),
  )
  assert.equal(failed.code, 9, failed.stderr)
  assert.deepEqual(orders(), ['first', 'second', 'third'])
  const killed = await run('guard', 'orders', '--', ...node, "process.kill(process.pid, 'SIGKILL')")
  assert.equal(killed.code, 137)
  const kinds = (await ok('backups', 'orders', '--json')).map((one) => one['kind'])
  assert.equal(kinds.filter((kind) => kind === 'pre-operation').length, 3)
  const unknown = await run('guard', 'documents', '--', 'true')
  assert.equal(unknown.code, 2)
})

test('guard does not put the database back under a process that the command left behind', async () => {
  const script = `const { DatabaseSync } = require('node:sqlite'); const database = new DatabaseSync(process.argv[1]);
    database.exec('pragma journal_mode = delete; begin immediate; delete from orders'); console.log(process.pid); setTimeout(() => {}, 60000)`
  const shell = `"$0" -e "$1" "$2" > "$3" & while [ ! -s "$3" ]; do sleep 0.1; done; exit 6`
  const words = [process.execPath, script, folder.at('orders.db'), folder.at('left')]
  const { code, stderr } = await runWords(
    ['guard', 'orders', '--restore-on-failure', '--', 'sh', '-c', shell, ...words],
    {
      workingDirectory: folder.path,
      environment: { PATH: process.env['PATH'] },
      userId: process.getuid!(),
      // The wait for the process, in short.
      clock: { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms === 200 ? 2 : ms, signal) },
    },
  )
  process.kill(Number(readFileSync(folder.at('left'), 'utf8')), 'SIGKILL')
  assert.equal(code, 4, stderr)
  assert.match(stderr, /Cannot put ".*orders.db" back after the operation failed: .*it is open in process/)
  change("insert into orders (item) values ('fourth')")
  assert.deepEqual(orders(), ['first', 'second', 'third', 'fourth'])
})

test('guard that is stopped ends the command with all that it started, and puts the database back', async () => {
  const script = `const { DatabaseSync } = require('node:sqlite'); const database = new DatabaseSync(process.argv[1]);
    database.exec('delete from orders; begin immediate'); require('node:fs').writeFileSync(process.argv[2], ''); setTimeout(() => {}, 60000)`
  const before = orders()
  const mark = folder.at('at-work')
  const words = [process.execPath, '-e', script, folder.at('orders.db'), mark]
  const stop = new AbortController()
  const guarded = runWords(
    ['guard', 'orders', '--restore-on-failure', '--', 'sh', '-c', '"$@" & wait', 'sh', ...words],
    {
      workingDirectory: folder.path,
      environment: { PATH: process.env['PATH'] },
      userId: process.getuid!(),
      signal: stop.signal,
    },
  )
  while (!existsSync(mark)) await systemClock.sleep(10, new AbortController().signal)
  stop.abort()
  const { code, stderr } = await guarded
  assert.equal(code, 143, stderr)
  assert.match(stderr, /orders was put back as it was before the command/)
  assert.deepEqual(orders(), before)
})

test('guard does not run the command where the backup fails', async () => {
  renameSync(folder.at('orders.db'), folder.at('gone.db'))
  const mark = folder.at('mark')
  const { code } = await run('guard', 'orders', '--', 'touch', mark)
  renameSync(folder.at('gone.db'), folder.at('orders.db'))
  assert.notEqual(code, 0)
  assert.equal(existsSync(mark), false)
})

test('status tells what is met, and exits 5 for a breach', async () => {
  const { code, stdout } = await run('status', '--json')
  assert.equal(code, 0, stdout)
  const late = await runWords(['status', '--json'], {
    workingDirectory: folder.path,
    userId: process.getuid!(),
    clock: { now: () => new Date(Date.now() + 3 * 86_400_000), monotonicMs: () => 0, sleep: async () => {} },
  })
  assert.equal(late.code, 5)
  const clauses = JSON.parse(late.stdout)['clauses'] as { clause: string; state: string; remedy?: string }[]
  const recoveryPoint = clauses.find(({ clause }) => clause.startsWith('Recovery point'))
  assert.equal(recoveryPoint?.state, 'breached')
})

test('a source that vanished fails alone, and no retention touches its backups', async () => {
  renameSync(folder.at('orders.db'), folder.at('gone.db'))
  const { code, stdout, stderr } = await run('backup', '--json')
  renameSync(folder.at('gone.db'), folder.at('orders.db'))
  assert.equal(code, 1)
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(
    lines.map((one) => [one['source'], one['state']]),
    [
      ['documents', 'complete'],
      ['orders', 'failed'],
    ],
  )
  assert.match(stderr, /orders/)
  // Long before the next one is due, and though the recovery point is kept.
  const told = await run('status')
  assert.equal(told.code, 0)
  assert.match(told.stdout, /last run FAILED +\S+ \S+ +run-\w+:orders:/)
  assert.match(
    told.stdout,
    /due +Recovery point \(RPO\)\s+orders: the last backup failed.*→ zakops-backup backup orders/s,
  )
  const plan = await run('retain', 'orders', '--dry-run')
  assert.match(plan.stdout, /removes 0/)
})

test('the catalog is rebuilt whole from the repositories', async () => {
  const before = await ok('backups', '--json')
  rmSync(folder.at('zakops-state'), { recursive: true })
  const lost = await run('status')
  assert.equal(lost.code, 5)
  assert.match(lost.stdout, /none of them is on record.*→ zakops-backup catalog rebuild/s)
  await ok('catalog', 'rebuild')
  const after = await ok('backups', '--json')
  assert.deepEqual(after.map(withoutProof), before.map(withoutProof))
})

test('a primary that was lost as a whole comes back by heal, and is never made anew silently', async () => {
  rmSync(folder.at('primary'), { recursive: true })
  mkdirSync(folder.at('primary'))
  const refused = await run('backup', 'documents')
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /although \d+ backups were stored there/)
  await ok('heal')
  await ok('backup', 'documents')
  await ok('verify', '--read-data')
})

test('after a rotation old backups are restored with their own key', async () => {
  const old = (await ok('backups', 'orders', '--json')).at(-1)!
  await ok('keys', 'rotate')
  // Both find no repository of the new generation, and one of them makes it.
  const [[made]] = await Promise.all([ok('backup', 'orders', '--json'), ok('backup', 'documents')])
  assert.deepEqual([made!['kind'], made!['generation']], ['full', 2])
  const [back] = await ok('restore', 'orders', old.snapshot_id.slice(0, 12), '--to', folder.at('old'), '--json')
  assert.deepEqual([back!['generation'], back!['manifest']], [1, 'equal'])
})

test('empty mount points after a rotation are not taken for locations, and no key is destroyed for them', async () => {
  const before = await ok('backups', '--json')
  for (const name of ['primary', 'secondary']) {
    renameSync(folder.at(name), folder.at(`${name}.away`))
    mkdirSync(folder.at(name))
  }
  // A third generation, which has no repository yet.
  await ok('keys', 'rotate')
  const refused = await run('backup', 'documents')
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /although \d+ backups were stored there/)
  await run('retain')
  const rebuilt = await run('catalog', 'rebuild')
  assert.equal(rebuilt.code, 1)
  assert.match(rebuilt.stderr, /it is not there, although \d+ backups were stored in it/)
  const told = await run('status')
  assert.equal(told.code, 5)
  assert.match(told.stdout.replaceAll(/\s+/g, ' '), /lacks \d+ backups/)
  const keys = await run('keys', 'list')
  assert.doesNotMatch(keys.stdout, /destroyed/)
  for (const name of ['primary', 'secondary']) {
    assert.deepEqual(readdirSync(folder.at(name)), [])
    rmSync(folder.at(name), { recursive: true })
    renameSync(folder.at(`${name}.away`), folder.at(name))
  }
  assert.deepEqual(await ok('backups', '--json'), before)
  const oldest = before.find(({ source }) => source === 'orders')!
  await ok('restore', 'orders', oldest.snapshot_id.slice(0, 12), '--to', folder.at('oldest'))
})

test('backups that vanish from a location are told by verify and status, and none is removed for them', async () => {
  const snapshots = filesBelow(folder.at('primary')).filter((path) => path.includes('/snapshots/'))
  for (const path of snapshots) renameSync(path, folder.at(`vanished-${path.split('/').at(-1)}`))
  const verified = await run('verify')
  assert.equal(verified.code, 5)
  assert.match(verified.stderr, /this backup was stored here and is gone/)
  assert.equal((await run('status')).code, 5)
  for (const path of snapshots) renameSync(folder.at(`vanished-${path.split('/').at(-1)}`), path)
  await ok('verify')
})

test('a lost keyring, a wrong key and a weaker policy are told with what to do', async () => {
  const keyring = folder.at('zakops-keyring/keyring.json')
  renameSync(keyring, `${keyring}.away`)
  const lost = await run('backup')
  assert.equal(lost.code, 1)
  assert.match(lost.stderr, /keyring_missing/)
  renameSync(`${keyring}.away`, keyring)

  const key = folder.at('zakops-keyring/zakops-backup.key')
  const right = readFileSync(key)
  writeFileSync(key, `${randomBytes(32).toString('base64')}\n`)
  const wrong = await run('backup')
  assert.match(wrong.stderr, /keyring_locked/)
  writeFileSync(key, right)

  const policy = folder.at('zakops-backup.yaml')
  const text = readFileSync(policy, 'utf8')
  writeFileSync(policy, text.replace('copies: 4', 'copies: 2'))
  const seen = await run('status')
  assert.equal(seen.code, 5)
  assert.match(seen.stdout.replaceAll(/\s+/g, ' '), /nobody accepted that: full backups: the last 2 stay/)
  const weaker = await run('backup')
  assert.equal(weaker.code, 4)
  assert.match(weaker.stderr, /the last 2 stay, before it was the last 4/)
  await ok('backup', 'documents', '--accept-weaker', 'the disk is small')
  writeFileSync(policy, text)
  await ok('backup', 'documents')
})

/** The restore procedures as their users run them: on a real database and files, with a service that depends on them. */
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { makeProcedureWorld, type ProcedureWorld } from '../testing/procedure-world.ts'
import { type TemporaryFolder, temporaryFolder } from '../testing/temporary-folder.ts'

let folder: TemporaryFolder
let world: ProcedureWorld

const restore = ['procedure', 'run', 'database-restore', '--source', 'orders', '--json']

before(async () => {
  folder = temporaryFolder('procedures')
  world = await makeProcedureWorld(folder.path)
  await world.expect(0, 'backup')
})
after(async () => folder[Symbol.asyncDispose]())

test('a dry run says what each step would do, and does nothing', async () => {
  const { code, stdout } = await world.run('procedure', 'run', 'database-restore', '--source', 'orders', '--dry-run')
  assert.equal(code, 0)
  assert.match(stdout, /3\. Stop dependent services: stops web/)
  assert.deepEqual(await world.expect(0, 'procedure', 'history', '--json'), [])
  assert.equal(existsSync(folder.at('service.log')), false)
})

test('a database restore goes through the steps of the policy, proves its result, and can be rolled back', async () => {
  world.change("insert into orders (item) values ('lost by the restore')")
  const [end] = await world.expect(0, ...restore)
  assert.equal(end!.proven, true)
  assert.deepEqual(world.orders(), ['first'])
  assert.deepEqual(world.orders(end!.oldPath), ['first', 'lost by the restore'])
  assert.deepEqual(world.serviceLog(), ['stop', 'start', 'health', 'health'])
  const [shown] = await world.expect(0, 'procedure', 'show', end!.run, '--json')
  assert.deepEqual(
    shown!.steps.map(({ step, state }) => [step, state]),
    [
      ['Identify the backup point to restore', 'done'],
      ['Verify backup integrity (checksum)', 'done'],
      ['Stop dependent services', 'done'],
      ['Restore database from backup', 'done'],
      ['Verify data integrity', 'done'],
      ['Restart services', 'done'],
      ['Validate application functionality', 'done'],
    ],
  )
  await world.expect(0, 'procedure', 'roll-back', end!.run)
  assert.deepEqual(world.orders(), ['first', 'lost by the restore'])
  assert.equal(world.isServiceRunning(), true)
  await world.expect(0, 'procedure', 'roll-back', end!.run)
  assert.deepEqual(world.orders(), ['first', 'lost by the restore'], 'a second time changes nothing')
  await world.expect(4, 'procedure', 'resume', end!.run)
  const [recorded] = await world.expect(0, 'procedure', 'history', '--json')
  assert.match(String(recorded!.rolled_back_at), /^\d{4}-/, 'the history does not call it done and no more')
})

test('of two restores of a database only the later one can be rolled back, then the earlier one', async () => {
  const orders = world.orders()
  const [earlier] = await world.expect(0, ...restore)
  const [later] = await world.expect(0, ...restore)
  const refused = await world.run('procedure', 'roll-back', earlier!.run)
  assert.equal(refused.code, 4)
  assert.match(refused.stderr, new RegExp(`run "${later!.run}" restored "orders" after it`))
  assert.deepEqual(world.orders(), ['first'])
  await world.expect(0, 'procedure', 'roll-back', later!.run)
  await world.expect(0, 'procedure', 'roll-back', earlier!.run)
  assert.deepEqual(world.orders(), orders)
})

test('a step that fails stops there and says what is stopped; the run goes on at it, or is rolled back', async () => {
  const orders = world.orders()
  for (const how of ['resume', 'roll-back']) {
    writeFileSync(folder.at('start-fails'), '')
    const { code, stdout, stderr } = await world.run(...restore)
    assert.equal(code, 5, stdout + stderr)
    const told = stdout + stderr
    assert.match(told, /stopped at .*Restart services/)
    assert.match(told, /STOPPED and not started again: web/)
    assert.match(told, /start is not possible today/)
    const id = /procedure resume (run-[0-9a-f]+)/.exec(told)![1]!
    assert.equal(world.isServiceRunning(), false)
    rmSync(folder.at('start-fails'))
    const stops = world.serviceLog().filter((verb) => verb === 'stop').length
    await world.expect(0, 'procedure', how, id)
    assert.equal(world.isServiceRunning(), true)
    if (how === 'resume') {
      assert.equal(
        world.serviceLog().filter((verb) => verb === 'stop').length,
        stops,
        'what was done is not done again',
      )
      assert.deepEqual(world.orders(), ['first'])
      await world.expect(0, 'procedure', 'roll-back', id)
    }
    assert.deepEqual(world.orders(), orders)
  }
})

const assertion = (range: string): string => `assertions: [{ name: some, sql: select count(*) from orders, ${range} }]`

test('a validation that does not hold, and a service that does not stop, prove nothing', async () => {
  const orders = world.orders()
  writeFileSync(folder.at('stop-fails'), '')
  const { code, stderr } = await world.run(...restore)
  assert.equal(code, 5)
  assert.deepEqual(world.orders(), orders, 'nothing was restored under a service that runs')
  const id = /procedure resume (run-[0-9a-f]+)/.exec(stderr)![1]!
  rmSync(folder.at('stop-fails'))
  await world.expect(0, 'procedure', 'roll-back', id)

  const policy = folder.at('zakops-backup.yaml')
  const text = readFileSync(policy, 'utf8')
  const accept = ['--accept-weaker', 'a test']
  const cases = [
    ['expect: "1"', 'expect: "2"', /Validate application.*: found \\"1\\", expected \\"2\\"/],
    ['expect: "1"', 'atLeast: 2', /Validate application.*: found \\"1\\", expected a number of at least 2/],
    [
      'services: [web]\n    val',
      `${assertion('atLeast: 2')}\n    services: [web]\n    val`,
      /Verify data integrity.*assertion \\"some\\": found/,
    ],
  ] as const
  for (const [part, by, told] of cases) {
    assert.ok(text.includes(part), part)
    writeFileSync(policy, text.replace(part, by))
    const failed = await world.run(...restore, ...accept)
    writeFileSync(policy, text)
    assert.equal(failed.code, 5)
    assert.match(failed.stderr, told)
    const other = /procedure resume (run-[0-9a-f]+)/.exec(failed.stderr)![1]!
    await world.expect(0, 'procedure', 'roll-back', other, ...accept)
    assert.deepEqual(world.orders(), orders)
  }
  writeFileSync(
    policy,
    text.replace('services: [web]\n    val', `${assertion('atLeast: 1, atMost: 1')}\n    services: [web]\n    val`),
  )
  const [held] = await world.expect(0, ...restore, ...accept)
  writeFileSync(policy, text)
  await world.expect(0, 'procedure', 'roll-back', held!.run, ...accept)
})

test('a run whose service or source the policy has no more is not resumed, and says why', async () => {
  writeFileSync(folder.at('start-fails'), '')
  const id = /procedure resume (run-[0-9a-f]+)/.exec((await world.run(...restore)).stderr)![1]!
  rmSync(folder.at('start-fails'))
  const policy = folder.at('zakops-backup.yaml')
  const text = readFileSync(policy, 'utf8')
  const accept = ['--accept-weaker', 'a test']
  writeFileSync(policy, text.replace(/^ +services: \[web\]\n/gm, '').replace(/^services:\n +web: .*\n/m, ''))
  const service = await world.run('procedure', 'resume', id, ...accept)
  writeFileSync(policy, text.replace(/^ {2}orders:$/m, '  renamed:'))
  const source = await world.run('procedure', 'resume', id, ...accept)
  writeFileSync(policy, text)
  assert.equal(service.code, 4)
  assert.match(service.stderr, /service "web": the policy has it no more.*STOPPED and not started again: web/)
  assert.equal(source.code, 4, source.stderr)
  assert.match(source.stderr, /the policy has no source "orders" any more/)
  await world.expect(0, 'procedure', 'roll-back', id, ...accept)
  assert.equal(world.isServiceRunning(), true)
})

test('a step that the policy names waits for a person who says yes, before anything of it is done', async () => {
  const path = folder.at('zakops-backup.yaml')
  const unasked = readFileSync(path, 'utf8')
  const text = (steps: string): string => `${unasked}confirm: { database-restore: [${steps}] }\n`
  writeFileSync(path, text('Stop the world'))
  assert.match((await world.run('policy', 'check')).stderr, /Stop the world.*Stop dependent services/s)
  writeFileSync(path, text('Stop dependent services'))
  const stops = (): number => world.serviceLog().filter((verb) => verb === 'stop').length
  const stopped = stops()
  const refused = await world.run(...restore)
  assert.equal(refused.code, 4)
  assert.match(refused.stderr, /the policy wants a person to say yes first.*procedure resume run-\w+ --confirm/s)
  assert.doesNotMatch(refused.stderr, /STOPPED/)
  assert.equal(stops(), stopped)
  const id = /procedure resume (run-\w+) --confirm/.exec(refused.stderr)![1]!
  await world.expect(0, 'procedure', 'resume', id, '--confirm')
  assert.equal(stops(), stopped + 1)
  await world.expect(0, 'evidence', 'export', '--to', folder.at('confirmed.jsonl'))
  assert.match(readFileSync(folder.at('confirmed.jsonl'), 'utf8'), /"kind":"confirmation"/)
  writeFileSync(path, unasked)
  assert.equal((await world.run('backup', 'documents')).code, 4, 'to ask nobody any more is weaker')
  await world.expect(0, 'backup', 'documents', '--accept-weaker', 'the test is over')
  await world.expect(0, 'procedure', 'roll-back', id)
})

test('damage of what the backup needs is found before anything is stopped', async () => {
  const packs = readdirSync(folder.at('primary'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.parentPath.includes('/data/'))
    .map((entry) => join(entry.parentPath, entry.name))
  const whole = packs.map((path) => [path, readFileSync(path)] as const)
  for (const [path, bytes] of whole) {
    const damaged = Buffer.from(bytes)
    damaged[damaged.length >> 1]! ^= 1
    writeFileSync(path, damaged)
  }
  const log = world.serviceLog().length
  const { code, stdout, stderr } = await world.run(...restore, '--location', 'primary')
  assert.equal(code, 5, stdout + stderr)
  assert.match(stderr, /Verify backup integrity \(checksum\)/)
  assert.match(stderr, /data\//)
  assert.equal(world.serviceLog().length, log)
  await world.expect(0, ...restore, '--location', 'secondary')
  for (const [path, bytes] of whole) writeFileSync(path, bytes)
})

test('files come back from the newest backup that holds them; what was there stays beside', async () => {
  const words = ['procedure', 'run', 'file-restore', '--source', 'documents', '--json']
  rmSync(folder.at('documents/letters'), { recursive: true })
  await world.expect(0, 'backup', 'documents') // The newest backup has them no more.
  writeFileSync(folder.at('documents/notes'), 'changed')
  const paths = ['--path', folder.at('documents/letters'), '--path', folder.at('documents/note*')]
  const [end] = await world.expect(0, ...words, ...paths)
  assert.equal(end!.proven, true)
  assert.equal(readFileSync(folder.at('documents/letters/one'), 'utf8'), 'one')
  assert.equal(readFileSync(folder.at('documents/notes'), 'utf8'), 'notes')
  const notes = end!.moved.find(({ path }) => path.endsWith('/notes'))!
  assert.equal(readFileSync(notes.oldPath, 'utf8'), 'changed')
  assert.equal(notes.atomic, true)
  await world.expect(0, 'procedure', 'roll-back', end!.run)
  assert.equal(readFileSync(folder.at('documents/notes'), 'utf8'), 'changed')
  assert.equal(existsSync(folder.at('documents/letters')), false)
  // The newest backup has no letters any more; their content is found in an older one.
  const [byContent] = await world.expect(0, ...words, '--containing', 'ne')
  assert.deepEqual(
    byContent!.moved.map(({ path }) => path),
    [folder.at('documents/letters/one')],
  )
  await world.expect(0, 'procedure', 'roll-back', byContent!.run)
  assert.equal((await world.run(...words, '--containing', 'nowhere to be found')).code, 5)
  assert.equal((await world.run(...words, '--containing', '')).code, 2)
  assert.equal((await world.run(...words, '--path', '/srv/nothing')).code, 5)
  assert.equal((await world.run(...words)).code, 2)
})

test('a backup that is damaged is passed over and told; its other copy is asked first', async () => {
  const words = [
    'procedure',
    'run',
    'file-restore',
    '--source',
    'documents',
    '--json',
    '--path',
    folder.at('documents/notes'),
  ]
  const packsOf = (location: string): string[] =>
    readdirSync(folder.at(location), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.parentPath.includes('/data/'))
      .map((entry) => join(entry.parentPath, entry.name))
  writeFileSync(folder.at('documents/notes'), 'older notes')
  await world.expect(0, 'backup', 'documents')
  const known = new Set(['primary', 'secondary'].flatMap(packsOf))
  writeFileSync(folder.at('documents/notes'), 'newer notes')
  await world.expect(0, 'backup', 'documents')
  const damage = (location: string): void => {
    for (const path of packsOf(location).filter((one) => !known.has(one))) {
      const bytes = readFileSync(path)
      for (let at = 0; at < bytes.length; at += 20) bytes[at]! ^= 1
      writeFileSync(path, bytes)
    }
  }
  writeFileSync(folder.at('documents/notes'), 'lost')
  damage('primary')
  const [other] = await world.expect(0, ...words)
  assert.deepEqual([other!.location, other!.gaps], ['secondary', []])
  assert.equal(readFileSync(folder.at('documents/notes'), 'utf8'), 'newer notes')
  damage('secondary')
  const [older] = await world.expect(3, ...words)
  assert.equal(older!.proven, true)
  assert.match(older!.gaps.join(), /^backup [0-9a-f]{8} of \S+ could not be searched: /)
  assert.equal(readFileSync(folder.at('documents/notes'), 'utf8'), 'older notes')
  const sha256 = hash('sha256', 'older notes')
  const [byDigest] = await world.expect(3, ...words.slice(0, -2), '--sha256', sha256.toUpperCase())
  assert.deepEqual(
    byDigest!.moved.map(({ path }) => path),
    [folder.at('documents/notes')],
  )
  // Its trees are lost: of what can be read of the newest backup nothing is said.
  const nowhere = await world.run(...words.slice(0, -2), '--sha256', hash('sha256', 'nowhere'))
  assert.equal(nowhere.code, 5)
  assert.match(nowhere.stderr, /no file with this content is in them; \d were searched, and 1 could not be/)
  assert.equal((await world.run(...words, '--sha256', 'abc')).code, 2)
})

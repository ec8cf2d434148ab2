/** The drill: everything is gone but the off-site location and the keys in the safe. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { makeProcedureWorld, type ProcedureWorld } from '../testing/procedure-world.ts'
import { type TemporaryFolder, temporaryFolder } from '../testing/temporary-folder.ts'

let folder: TemporaryFolder
let world: ProcedureWorld

before(async () => {
  folder = temporaryFolder('recovery-drill')
  world = await makeProcedureWorld(folder.path)
  await world.expect(0, 'backup')
  writeFileSync(folder.at('passphrase'), 'a passphrase for the safe\n')
  await world.expect(0, 'keys', 'export', '--to', folder.at('safe.json'), '--password-file', folder.at('passphrase'))
})
after(async () => folder[Symbol.asyncDispose]())

function objectsOffSite(): string[] {
  return readdirSync(folder.at('secondary'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
}

function drill(into: string, ...options: string[]): string[] {
  const keys = ['--keyring-export', folder.at('safe.json'), '--password-file', folder.at('passphrase')]
  return ['procedure', 'run', 'recovery-drill', '--into', folder.at(into), ...keys, '--json', ...options]
}

/** The shares of a recovery kit, as their holders bring them. */
function shares(into: string, ...numbers: number[]): string[] {
  const files = numbers.flatMap((number) => ['--share', folder.at(`kit/share-${number}.txt`)])
  return ['procedure', 'run', 'recovery-drill', '--into', folder.at(into), ...files, '--json']
}

/** The one letter of the documents. */
function letterIn(into: string): string {
  return readFileSync(folder.at(`${into}/restored/documents/${folder.path}/documents/letters/one`), 'utf8')
}

test('a drill recovers every source from the off-site location alone, and is closed by its lessons', async () => {
  const objects = objectsOffSite()
  renameSync(folder.at('primary'), folder.at('primary-away')) // It must not be needed.
  const [end] = await world.expect(0, ...drill('drill', '--keep'))
  renameSync(folder.at('primary-away'), folder.at('primary'))
  assert.equal(end!.outcome, 'recovered')
  assert.equal(end!.negativeControl!.outcome, 'rejected')
  assert.deepEqual(objectsOffSite(), objects, 'nothing is left at the location')
  assert.equal(existsSync(folder.at('drill/keys')), false, 'no key is left in the root')
  assert.deepEqual(world.orders(folder.at('drill/restored/orders/orders.db')), ['first'])
  assert.equal(letterIn('drill'), 'one', 'what stays was not damaged for the negative control')
  assert.deepEqual(readdirSync(folder.at('drill')).toSorted(), ['drill', 'restored', 'state'])
  const open = await world.run('status', '--json')
  assert.match(open.stdout, /is not closed/)
  assert.equal((await world.run('procedure', 'drill-lessons', end!.run, '--text', ' ')).code, 2)
  await world.expect(0, 'procedure', 'drill-lessons', end!.run, '--text', 'The safe was hard to find.')
  const closed = await world.run('status', '--json')
  assert.doesNotMatch(closed.stdout, /is not closed/)
  assert.match(closed.stdout, /held \d/)
})

test('shares that are too few or wrong keep a drill from beginning, and say what to do', async () => {
  await world.expect(0, 'keys', 'kit', 'create', '--to', folder.at('kit'))
  const runs = (await world.expect(0, 'procedure', 'history', '--json')).length
  const told = async (...words: string[]): Promise<string> => {
    const { code, stderr } = await world.run(...words.filter((word) => word !== '--json'))
    assert.equal(code, 1, stderr)
    return stderr
  }
  const few = await told(...shares('few', 2, 5, 5))
  assert.match(few, /too few shares: 2 of 5 are there, expected 3\n +hint: +Ask 1 more of the holders/)
  assert.match(few, /to do: +Bring as many shares of one kit/)
  const text = readFileSync(folder.at('kit/share-4.txt'), 'utf8')
  writeFileSync(folder.at('kit/share-9.txt'), text.replace(/ZKS1:(.{30})./, 'ZKS1:$1x'))
  const miscopied = await told(...shares('wrong', 2, 5, 9))
  assert.match(miscopied, /a line of file 3, "ZKS1:.*is not as it was written.*to do: +Scan or copy the file/s)
  await world.expect(0, 'keys', 'kit', 'create', '--to', folder.at('newer'))
  writeFileSync(folder.at('kit/share-9.txt'), readFileSync(folder.at('newer/share-4.txt')))
  assert.match(await told(...shares('two', 2, 5, 9)), /of 2 kits: \w+ \(file 1, 2\), \w+ \(file 3\)/)
  assert.equal((await world.run(...shares('none', 2, 5, 8))).code, 2, 'a file that is not there')
  assert.equal((await world.expect(0, 'procedure', 'history', '--json')).length, runs, 'no run was begun')
  for (const name of ['few', 'wrong', 'two', 'none']) assert.equal(existsSync(folder.at(name)), false)
})

test('a drill refuses a folder that holds something, and keys that do not open', async () => {
  const refused = await world.run(...drill('drill'))
  assert.notEqual(refused.code, 0)
  assert.match(refused.stderr + refused.stdout, /expected nothing/)
  writeFileSync(folder.at('passphrase'), 'another one\n')
  const locked = await world.run(...drill('locked'))
  assert.notEqual(locked.code, 0)
  assert.match(locked.stderr + locked.stdout, /keyring_locked/)
  writeFileSync(folder.at('passphrase'), 'a passphrase for the safe\n')
})

interface ForecastDocument {
  readonly location: string
  readonly duration_ms: number | null
  readonly open_ms: number | null
  readonly transfer_ms: number | null
  readonly verify_ms: number | null
  readonly lacks: readonly string[]
}

test('the drill that was held forecasts the next one, phase by phase, and says what it can not tell', async () => {
  const { stdout } = await world.run('status', '--json')
  const status = JSON.parse(stdout) as {
    readonly recovery_time_forecasts: readonly { readonly location: string; readonly unknown: readonly string[] }[]
    readonly sources: readonly { readonly recovery_time_forecasts: readonly ForecastDocument[] }[]
  }
  for (const { recovery_time_forecasts: forecasts } of status.sources) {
    const [primary, secondary] = forecasts
    assert.equal(primary!.duration_ms, null)
    const { open_ms: open, transfer_ms: transfer, verify_ms: verify } = secondary!
    assert.ok(open !== null && transfer !== null && verify !== null, stdout)
    assert.ok(Math.abs(secondary!.duration_ms! - open - transfer - verify) <= 2, stdout)
  }
  const offSite = status.recovery_time_forecasts.find(({ location }) => location === 'secondary')
  assert.deepEqual(offSite!.unknown, ['orders: its services and validations (not measured)'])
})

test('a drill fails where the off-site copy is damaged, and says of which source', async () => {
  for (const path of objectsOffSite().filter((one) => one.includes('/data/'))) {
    const bytes = readFileSync(path)
    for (let at = 40; at < bytes.length; at += 50) bytes[at]! ^= 1
    writeFileSync(path, bytes)
  }
  const { code, stdout } = await world.run(...drill('damaged'))
  assert.equal(code, 5, stdout)
  assert.match(stdout, /orders: different/)
  const status = await world.run('status')
  assert.equal(status.code, 5)
  assert.match(status.stdout, /the drill of .* failed/)
})

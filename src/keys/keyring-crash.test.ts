import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { freshKeyring, keyringWorld } from '../../testing/fresh-keyring.ts'
import { runProgram } from '../../testing/run-program.ts'
import { type TemporaryFolder, temporaryFolder } from '../../testing/temporary-folder.ts'
import { neverStopped } from '../base/abort.ts'
import { systemClock } from '../base/clock.ts'
import { inLanes } from '../base/in-lanes.ts'
import { createKeyFile } from './key-file-provider.ts'
import type { Keyring } from './keyring.ts'
import { createKeyring, openKeyring } from './open-keyring.ts'
import { type WriteStep, writeSteps } from './replace-keyring-file.ts'

const signal = neverStopped()
const world = { ...keyringWorld(), clock: systemClock }
const program = join(import.meta.dirname, 'keyring-crash.test-program.ts')
const environment = 'production'
const commitStep = writeSteps.indexOf('commit')

const keeping = ['write new', 'write previous', 'keep previous', 'sync previous', 'commit', 'sync commit'] as const
const replacing = [
  ...(['write new', 'commit', 'sync commit'] as const),
  ...(['replace previous', 'sync replaced', 'overwrite old bytes'] as const),
]
/** The steps that each change goes through: a first version has none before it, and some changes leave none. */
const stepsOf: Readonly<Record<string, readonly WriteStep[]>> = {
  create: ['write new', 'commit', 'sync commit'],
  rotate: keeping,
  destroy: replacing,
  rewrap: replacing,
}

/** Two generations, the second key file, and every secret's bytes, in a folder to be copied for each crash. */
async function prepare(folder: TemporaryFolder): Promise<{ keys: Uint8Array[] }> {
  using keyring = await freshKeyring({ at: (...names) => folder.at('sample', ...names.slice(-1)) }, { world })
  await keyring.rotate(environment, signal)
  await createKeyFile(folder.at('sample', 'second.key'), world.random, signal)
  return { keys: keyring.generations.map((generation) => keyring.masterKey(generation)) }
}

/** Runs a change that is killed before a step, in a folder of its own. */
async function crash(folder: TemporaryFolder, change: string, step: WriteStep): Promise<string> {
  const path = folder.at(`${change} ${step}`)
  mkdirSync(path, { mode: 0o700 })
  cpSync(folder.at('sample'), path, { recursive: true })
  if (change === 'create') for (const name of ['', '.previous']) rmSync(`${path}/keyring.json${name}`)
  const words = [program, `${path}/keyring.json`, `${path}/unlock.key`, change, step, `${path}/second.key`]
  const end = await runProgram(process.execPath, words)
  assert.equal(end.signal, 'SIGKILL', `${change} ${step}: ${end.stderr}`)
  return path
}

async function openAt(path: string, keyFile: 'unlock.key' | 'second.key'): Promise<Keyring> {
  return openKeyring({ file: `${path}/keyring.json`, unlock: { keyFile: `${path}/${keyFile}` } }, world, signal)
}

test('kill -9 at every step of every change leaves the keyring as it was or as it shall be, and the change can be made again', async () => {
  await using folder = temporaryFolder('crash')
  mkdirSync(folder.at('sample'), { mode: 0o700 })
  const { keys } = await prepare(folder)
  const cases = Object.entries(stepsOf).flatMap(([change, steps]) => steps.map((step) => ({ change, step })))
  await inLanes(cases, 3, signal, async ({ change, step }) => {
    const path = await crash(folder, change, step)
    const isCommitted = writeSteps.indexOf(step) > commitStep
    if (change === 'create') await afterCreate(path, isCommitted)
    if (change === 'rotate') await afterRotate(path, isCommitted, keys)
    if (change === 'destroy') await afterDestroy(path, isCommitted, keys)
    if (change === 'rewrap') await afterRewrap(path, isCommitted, keys)
    // Neither the dead one's lock nor its unfinished files are left after the next change.
    const left = readdirSync(path).filter((name) => name.startsWith('keyring'))
    const whole = ['keyring.json', 'keyring.json.previous']
    assert.deepEqual(left, change === 'create' && !isCommitted ? whole.slice(0, 1) : whole)
    assert.equal(statSync(`${path}/keyring.json`).mode & 0o777, 0o600)
  })
})

async function afterCreate(path: string, isCommitted: boolean): Promise<void> {
  const place = { file: `${path}/keyring.json`, unlock: { keyFile: `${path}/unlock.key` }, environment } as const
  if (!isCommitted) {
    await assert.rejects(openAt(path, 'unlock.key'), { code: 'keyring_missing' })
    using keyring = await createKeyring(place, world, signal)
    assert.equal(keyring.generations.length, 1)
    return
  }
  await assert.rejects(createKeyring(place, world, signal), { code: 'refused' })
  using keyring = await openAt(path, 'unlock.key')
  await keyring.rotate(environment, signal)
}

async function afterRotate(path: string, isCommitted: boolean, keys: Uint8Array[]): Promise<void> {
  using keyring = await openAt(path, 'unlock.key')
  assert.equal(keyring.generations.length, isCommitted ? 3 : 2)
  for (const generation of [1, 2])
    assert.deepEqual(keyring.masterKey({ environment, generation }), keys[generation - 1])
  using previous = await openKeyring(
    { file: `${path}/keyring.json.previous`, unlock: { keyFile: `${path}/unlock.key` } },
    world,
    signal,
  )
  assert.ok(previous.generations.length >= 1)
  await keyring.rotate(environment, signal)
}

async function afterDestroy(path: string, isCommitted: boolean, keys: Uint8Array[]): Promise<void> {
  const first = { environment, generation: 1 } as const
  using keyring = await openAt(path, 'unlock.key')
  if (isCommitted) assert.throws(() => keyring.masterKey(first), { code: 'keyring_locked' })
  else assert.deepEqual(keyring.masterKey(first), keys[0])
  assert.deepEqual(keyring.masterKey({ environment, generation: 2 }), keys[1])
  await keyring.destroy(first, signal)
  assert.deepEqual((await keyring.check(signal)).faults, [])
  const texts = ['', '.previous'].map((name) => readFileSync(`${path}/keyring.json${name}`, 'utf8'))
  for (const text of texts) assert.equal(JSON.parse(text).entries[0].wrapped, undefined)
}

async function afterRewrap(path: string, isCommitted: boolean, keys: Uint8Array[]): Promise<void> {
  await assert.rejects(openAt(path, isCommitted ? 'unlock.key' : 'second.key'), { code: 'keyring_locked' })
  using keyring = await openAt(path, isCommitted ? 'second.key' : 'unlock.key')
  for (const generation of [1, 2])
    assert.deepEqual(keyring.masterKey({ environment, generation }), keys[generation - 1])
  await keyring.rewrap({ keyFile: `${path}/second.key` }, signal)
  assert.deepEqual((await keyring.check(signal)).faults, [])
  const previous = { file: `${path}/keyring.json.previous`, unlock: { keyFile: `${path}/unlock.key` } }
  await assert.rejects(openKeyring(previous, world, signal), { code: 'keyring_locked' })
}

test('a step that fails leaves the keyring as it was before the commit point, open for the next try', async () => {
  await using folder = temporaryFolder('fault')
  let failing: string | undefined
  const faulty = {
    ...keyringWorld(),
    onWriteStep: (step: WriteStep): void => {
      if (step === failing) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    },
  }
  using keyring = await freshKeyring(folder, { world: faulty })
  for (const step of ['write new', 'write previous', 'keep previous', 'sync previous', 'commit'] as const) {
    failing = step
    await assert.rejects(keyring.rotate(environment, signal), { code: 'storage_full' }, step)
    assert.equal(keyring.active(environment).generation, 1)
    assert.equal((await keyring.check(signal)).sequence, 1)
  }
  failing = undefined
  assert.equal((await keyring.rotate(environment, signal)).generation, 2)
  assert.deepEqual(readdirSync(folder.at('keys')), ['keyring.json', 'keyring.json.previous'])
})

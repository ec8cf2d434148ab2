import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { test } from 'node:test'
import { freshKeyring, keyringWorld } from '../../testing/fresh-keyring.ts'
import { type TemporaryFolder, temporaryFolder } from '../../testing/temporary-folder.ts'
import { neverStopped } from '../base/abort.ts'
import { systemClock } from '../base/clock.ts'
import { createKeyFile } from './key-file-provider.ts'
import type { KeyringWorld } from './keyring-world.ts'
import type { Keyring } from './keyring.ts'
import { createKeyring, openKeyring } from './open-keyring.ts'
import type { Unlock } from './unlock.ts'

const signal = neverStopped()
const production = 'production'

function place(folder: TemporaryFolder): { file: string; unlock: Unlock } {
  return { file: folder.at('keys', 'keyring.json'), unlock: { keyFile: folder.at('unlock.key') } }
}

async function reopen(folder: TemporaryFolder, world: KeyringWorld = keyringWorld()): Promise<Keyring> {
  return openKeyring(place(folder), world, signal)
}

test('createKeyring() makes a file and folder for their owner only, which openKeyring() opens with the same key', async () => {
  await using folder = temporaryFolder('keyring')
  using made = await freshKeyring(folder)
  assert.equal(statSync(made.file).mode & 0o777, 0o600)
  assert.equal(statSync(folder.at('keys')).mode & 0o777, 0o700)
  assert.deepEqual(readdirSync(folder.at('keys')), ['keyring.json'])
  using opened = await reopen(folder)
  const generation = opened.active(production)
  assert.deepEqual(generation, {
    environment: production,
    generation: 1,
    version: 1,
    state: 'active',
    createdAt: new Date('2026-01-01T00:00:00Z'),
    keyEncryptionKeyVersion: 1,
  })
  const masterKey = opened.masterKey(generation)
  assert.deepEqual(masterKey, made.masterKey({ environment: production, generation: 1 }))
  assert.equal(masterKey.length, 64)
  for (const at of [3, 7, 11, 15]) assert.equal(masterKey[48 + at]! & 0xf0, 0)
  for (const at of [4, 8, 12]) assert.equal(masterKey[48 + at]! & 0x03, 0)
  assert.equal(readFileSync(made.file).includes(Buffer.from(masterKey.subarray(0, 32)).toString('base64')), false)
})

test('a passphrase opens its keyring, in either form of Unicode; another one is told from damage', async () => {
  await using folder = temporaryFolder('keyring')
  const file = folder.at('keyring.json')
  const world = keyringWorld()
  using made = await createKeyring(
    { file, unlock: { passphrase: 'caf\u00e9' }, environment: production },
    world,
    signal,
  )
  using opened = await openKeyring({ file, unlock: { passphrase: 'cafe\u0301' } }, world, signal)
  assert.deepEqual(opened.masterKey(opened.active(production)), made.masterKey(made.active(production)))
  await assert.rejects(openKeyring({ file, unlock: { passphrase: 'cafe' } }, world, signal), { code: 'keyring_locked' })
  await assert.rejects(openKeyring({ file, unlock: { passphrase: '' } }, world, signal), { code: 'secret_missing' })
  await assert.rejects(openKeyring({ file, unlock: { keyFile: '/nowhere' } }, world, signal), {
    code: 'keyring_locked',
    message: 'Cannot open the keyring: it opens with a passphrase, not with a key file',
  })
})

test('openKeyring() says of a lost keyring where it should be and what is needed', async () => {
  await using folder = temporaryFolder('keyring')
  using made = await freshKeyring(folder)
  await made.rotate(production, signal)
  rmSync(made.file)
  await assert.rejects(reopen(folder), (error: { code: string; message: string; facts: { hint: string } }) => {
    assert.equal(error.code, 'keyring_missing')
    assert.equal(error.message, `Cannot open keyring "${made.file}": there is no such file`)
    assert.match(error.facts.hint, /keyring\.json\.previous" holds the version before/)
    return true
  })
  // Beside the rest of a keyring no new one is made: that would hide the loss.
  await assert.rejects(createKeyring({ ...place(folder), environment: production }, keyringWorld(), signal), {
    code: 'refused',
  })
  rmSync(`${made.file}.previous`)
  await assert.rejects(reopen(folder), (error: { facts: { hint: string } }) => {
    assert.match(error.facts.hint, /keys import FILE/)
    return true
  })
})

test('createKeyring() refuses to replace a keyring, and a folder that others may write', async () => {
  await using folder = temporaryFolder('keyring')
  using made = await freshKeyring(folder)
  const before = readFileSync(made.file)
  const again = { ...place(folder), environment: production } as const
  await assert.rejects(createKeyring(again, keyringWorld(), signal), { code: 'refused' })
  assert.deepEqual(readFileSync(made.file), before)
  mkdirSync(folder.at('open'))
  chmodSync(folder.at('open'), 0o777)
  const open = { ...again, file: folder.at('open', 'keyring.json') }
  await assert.rejects(createKeyring(open, keyringWorld(), signal), { code: 'refused', message: /mode 0777/ })
})

test('rotate() starts a generation and keeps the old one restorable; destroy() takes only retired ones, and leaves no byte', async () => {
  await using folder = temporaryFolder('keyring')
  const world = keyringWorld()
  using keyring = await freshKeyring(folder, { world })
  const first = keyring.active(production)
  const firstKey = keyring.masterKey(first)
  world.clock.advance(86_400_000)
  const second = await keyring.rotate(production, signal)
  assert.deepEqual([second.generation, second.state], [2, 'active'])
  assert.deepEqual(keyring.active(production), second)
  using reopened = await reopen(folder)
  assert.deepEqual(reopened.masterKey(first), firstKey)
  assert.notDeepEqual(reopened.masterKey(second), firstKey)
  assert.deepEqual(
    reopened.generations.map(({ state }) => state),
    ['retired', 'active'],
  )
  await assert.rejects(keyring.destroy(second, signal), { code: 'refused', message: /active one/ })

  const held = JSON.parse(readFileSync(keyring.file, 'utf8')) as { entries: { wrapped: { sealed: string } }[] }
  const older = JSON.parse(readFileSync(`${keyring.file}.previous`, 'utf8')) as typeof held
  const sealed = [held.entries[0]!.wrapped.sealed, older.entries[0]!.wrapped.sealed]
  world.clock.advance(86_400_000)
  const gone = await keyring.destroy(first, signal)
  assert.deepEqual(gone, {
    environment: production,
    generation: 1,
    version: 3,
    state: 'destroyed',
    createdAt: new Date('2026-01-01T00:00:00Z'),
    retiredAt: new Date('2026-01-02T00:00:00Z'),
    destroyedAt: new Date('2026-01-03T00:00:00Z'),
  })
  const names = readdirSync(folder.at('keys'))
  assert.deepEqual(names, ['keyring.json', 'keyring.json.previous'])
  for (const name of names) {
    for (const text of sealed) assert.equal(readFileSync(folder.at('keys', name)).includes(text), false, name)
  }
  using after = await reopen(folder)
  for (const one of [keyring, after]) {
    assert.throws(() => one.masterKey(first), { code: 'keyring_locked', message: /destroyed at 2026-01-03/ })
    assert.equal(one.masterKey(second).length, 64)
  }
  assert.deepEqual((await after.check(signal)).faults, [])
  assert.deepEqual(await keyring.destroy(first, signal), gone)
  assert.throws(() => keyring.masterKey({ environment: 'staging', generation: 1 }), { code: 'keyring_locked' })
})

test('rewrap() moves every key to a new secret; the old one opens neither the keyring nor the version before it', async () => {
  await using folder = temporaryFolder('keyring')
  const world = keyringWorld()
  using keyring = await freshKeyring(folder)
  await keyring.rotate(production, signal)
  const keys = keyring.generations.map((generation) => keyring.masterKey(generation))
  using bystander = await reopen(folder)
  const keyFile = folder.at('second.key')
  await createKeyFile(keyFile, world.random, signal)
  await keyring.rewrap({ keyFile }, signal)
  using moved = await openKeyring({ file: keyring.file, unlock: { keyFile } }, world, signal)
  for (const one of [keyring, moved]) {
    assert.deepEqual(
      one.generations.map((generation) => one.masterKey(generation)),
      keys,
    )
  }
  await assert.rejects(reopen(folder), { code: 'keyring_locked' })
  const previous = { file: `${keyring.file}.previous`, unlock: { keyFile: folder.at('unlock.key') } }
  await assert.rejects(openKeyring(previous, world, signal), { code: 'keyring_locked' })
  assert.equal((await moved.check(signal)).keyEncryptionKeyVersion, 2)
  // Who opened it before must open it again before a change.
  await assert.rejects(bystander.rotate(production, signal), { code: 'keyring_locked', message: /rewrapped/ })
})

test('changes of two open keyrings and of many at once are all kept', async () => {
  await using folder = temporaryFolder('keyring')
  // Who waits for the lock waits by the clock.
  const world = { ...keyringWorld(), clock: systemClock }
  using one = await freshKeyring(folder, { world })
  using other = await reopen(folder, world)
  await Promise.all([one, other, one, other].map((keyring) => keyring.rotate(production, signal)))
  using after = await reopen(folder)
  assert.deepEqual(
    after.generations.map(({ generation, state }) => [generation, state]),
    [
      [1, 'retired'],
      [2, 'retired'],
      [3, 'retired'],
      [4, 'retired'],
      [5, 'active'],
    ],
  )
  assert.equal(after.sequence, 5)
})

test('an older version that is put in its place while it is open, or beside a newer one, is found', async () => {
  await using folder = temporaryFolder('keyring')
  using keyring = await freshKeyring(folder)
  const old = readFileSync(keyring.file)
  await keyring.rotate(production, signal)
  await keyring.rotate(production, signal)
  writeFileSync(keyring.file, old)
  await assert.rejects(keyring.rotate(production, signal), { code: 'keyring_damaged', message: /older version/ })
  using opened = await reopen(folder)
  assert.match((await opened.check(signal)).faults.join('\n'), /an older version was put back/)
})

test('check() tells of rights that others have, of a damaged version before, and of keys left in it', async () => {
  await using folder = temporaryFolder('keyring')
  using keyring = await freshKeyring(folder)
  await keyring.rotate(production, signal)
  const previous = `${keyring.file}.previous`
  const holding = readFileSync(keyring.file)
  chmodSync(keyring.file, 0o640)
  chmodSync(folder.at('keys'), 0o755)
  const faults = (await keyring.check(signal)).faults
  assert.equal(faults.length, 2)
  assert.match(faults.join('\n'), /keyring\.json" is open to others \(mode 0640\); run: chmod 600/)
  chmodSync(keyring.file, 0o600)
  chmodSync(folder.at('keys'), 0o700)
  await keyring.destroy({ environment: production, generation: 1 }, signal)
  writeFileSync(previous, holding)
  assert.match((await keyring.check(signal)).faults.join('\n'), /still holds the key of production generation 1/)
  writeFileSync(previous, 'x')
  assert.match((await keyring.check(signal)).faults.join('\n'), /previous": it is not JSON/)
  await keyring.destroy({ environment: production, generation: 1 }, signal)
  assert.deepEqual((await keyring.check(signal)).faults, [])
})

test('a keyring behind a symlink is changed where it lies', async () => {
  await using folder = temporaryFolder('keyring')
  using keyring = await freshKeyring(folder)
  symlinkSync(keyring.file, folder.at('link'))
  using linked = await openKeyring({ ...place(folder), file: folder.at('link') }, keyringWorld(), signal)
  await linked.rotate(production, signal)
  assert.equal(linked.file, keyring.file)
  assert.equal((await reopen(folder)).generations.length, 2)
  assert.deepEqual(readdirSync(folder.path).toSorted(), ['keys', 'link', 'unlock.key'])
})

test('a write gives way to whoever changed the file or took the lock meanwhile, and loses nothing of theirs', async () => {
  await using folder = temporaryFolder('keyring')
  let meanwhile: (() => void) | undefined
  const world = keyringWorld({
    onWriteStep: (step) => {
      if (step === 'sync previous') meanwhile?.()
    },
  })
  using keyring = await freshKeyring(folder, { world })
  const before = readFileSync(keyring.file)
  meanwhile = () => writeFileSync(keyring.file, 'theirs')
  await assert.rejects(keyring.rotate(production, signal), { code: 'keyring_busy', message: /changed it meanwhile/ })
  assert.equal(readFileSync(keyring.file, 'utf8'), 'theirs')
  writeFileSync(keyring.file, before)
  meanwhile = () => rmSync(`${keyring.file}.lock`)
  await assert.rejects(keyring.rotate(production, signal), { code: 'keyring_busy', message: /lock .* was taken away/ })
  assert.deepEqual(readFileSync(keyring.file), before)
  meanwhile = undefined
  assert.equal((await keyring.rotate(production, signal)).generation, 2)
})

test('openKeyring() says what is no keyring, does not wait for a fifo, and reads no more than a keyring can have', async () => {
  await using folder = temporaryFolder('keyring')
  const unlock = { keyFile: folder.at('unlock.key') }
  const open = async (file: string): Promise<unknown> => openKeyring({ file, unlock }, keyringWorld(), signal)
  execFileSync('mkfifo', [folder.at('fifo')])
  for (const file of [folder.at('fifo'), folder.path, '/dev/zero']) {
    await assert.rejects(open(file), { code: 'keyring_damaged', message: /no regular file/ })
  }
  writeFileSync(folder.at('large'), Buffer.alloc(3 * 1024 * 1024))
  await assert.rejects(open(folder.at('large')), { code: 'keyring_damaged', message: /expected at most 1048576/ })
  await assert.rejects(open(folder.at('large', 'below')), { code: 'storage_denied' })
})

test('createKeyring() follows a symlink to where nothing is yet', async () => {
  await using folder = temporaryFolder('keyring')
  mkdirSync(folder.at('safe'), { mode: 0o700 })
  symlinkSync(folder.at('safe', 'k', 'keyring.json'), folder.at('link'))
  await createKeyFile(folder.at('unlock.key'), keyringWorld().random, signal)
  const linked = { ...place(folder), file: folder.at('link'), environment: production } as const
  using made = await createKeyring(linked, keyringWorld(), signal)
  assert.equal(made.file, folder.at('safe', 'k', 'keyring.json'))
  assert.deepEqual(readdirSync(folder.at('safe', 'k')), ['keyring.json'])
})

test('a keyring that was closed gives no key, and does not call itself damaged', async () => {
  await using folder = temporaryFolder('keyring')
  const keyring = await freshKeyring(folder)
  const generation = keyring.active(production)
  keyring.close()
  assert.throws(() => keyring.masterKey(generation), { code: 'defect', message: /was closed/ })
})

test('destroy() and rewrap() overwrite the files that held the old bytes, and spare a copy that somebody made', async () => {
  await using folder = temporaryFolder('keyring')
  using keyring = await freshKeyring(folder)
  await keyring.rotate(production, signal)
  const overwritten = async (change: () => Promise<unknown>): Promise<boolean[]> => {
    const files = [keyring.file, `${keyring.file}.previous`].map((path) => openSync(path, 'r'))
    await change()
    return files.map((file) => {
      const bytes = readFileSync(file)
      closeSync(file)
      return bytes.length > 0 && bytes.every((byte) => byte === 0)
    })
  }
  assert.deepEqual(await overwritten(() => keyring.destroy({ environment: production, generation: 1 }, signal)), [
    true,
    true,
  ])
  linkSync(keyring.file, folder.at('copy'))
  const rewrap = async (): Promise<void> => keyring.rewrap({ keyFile: folder.at('unlock.key') }, signal)
  assert.deepEqual(await overwritten(rewrap), [false, true])
  assert.match(readFileSync(folder.at('copy'), 'utf8'), /^\{/)
  assert.deepEqual(await overwritten(() => keyring.rotate(production, signal)), [false, false])
})

test('refresh() takes in what another process changed', async () => {
  await using folder = temporaryFolder('keyring')
  using service = await freshKeyring(folder)
  using other = await reopen(folder)
  await other.rotate(production, signal)
  assert.equal(service.active(production).generation, 1)
  await service.refresh(signal)
  assert.equal(service.active(production).generation, 2)
  assert.deepEqual(service.masterKey(service.active(production)), other.masterKey(other.active(production)))
  await other.rewrap({ keyFile: folder.at('unlock.key') }, signal)
  await assert.rejects(service.refresh(signal), { code: 'keyring_locked', message: /rewrapped/ })
})

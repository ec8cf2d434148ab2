import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { freshKeyring, keyringWorld } from '../../testing/fresh-keyring.ts'
import { temporaryFolder } from '../../testing/temporary-folder.ts'
import { neverStopped } from '../base/abort.ts'
import { createKeyring, openKeyring, recoverKeyring } from './open-keyring.ts'

const signal = neverStopped()
const production = 'production'

test('an export opens with its passphrase alone, makes a lost keyring anew, and merges what is absent', async () => {
  await using folder = temporaryFolder('keyring')
  const world = keyringWorld()
  using keyring = await freshKeyring(folder)
  await keyring.rotate(production, signal)
  const exportUnlock = { passphrase: 'for the safe' }
  const exported = await keyring.exportMaterial(exportUnlock.passphrase, signal)
  const keys = keyring.generations.map((generation) => keyring.masterKey(generation))

  const unlock = { keyFile: folder.at('unlock.key') }
  const file = folder.at('recovered', 'keyring.json')
  const wrong = { file, unlock, exported, exportUnlock: { passphrase: 'wrong' } }
  await assert.rejects(recoverKeyring(wrong, world, signal), { code: 'keyring_locked' })
  using recovered = await recoverKeyring({ file, unlock, exported, exportUnlock }, world, signal)
  assert.deepEqual(
    recovered.generations.map((generation) => recovered.masterKey(generation)),
    keys,
  )

  // One that was made for another environment takes both generations; nothing happens the second time.
  const other = folder.at('other', 'keyring.json')
  using staging = await createKeyring({ file: other, unlock, environment: 'staging' }, world, signal)
  const outcome = await staging.import(exported, exportUnlock, signal)
  assert.deepEqual(outcome.added, [
    { environment: production, generation: 1 },
    { environment: production, generation: 2 },
  ])
  assert.deepEqual(staging.masterKey({ environment: production, generation: 1 }), keys[0])
  assert.equal(staging.active(production).generation, 2)
  const { sequence } = staging
  assert.equal((await staging.import(exported, exportUnlock, signal)).present.length, 2)
  assert.equal(staging.sequence, sequence)
})

test('import() refuses another key of the same name whole, and does not bring a destroyed key back', async () => {
  await using folder = temporaryFolder('keyring')
  const world = keyringWorld()
  using keyring = await freshKeyring(folder)
  await keyring.rotate(production, signal)
  const exported = await keyring.exportMaterial('p', signal)
  await keyring.destroy({ environment: production, generation: 1 }, signal)
  const outcome = await keyring.import(exported, { passphrase: 'p' }, signal)
  assert.deepEqual(outcome.destroyedHere, [{ environment: production, generation: 1 }])
  assert.throws(() => keyring.masterKey({ environment: production, generation: 1 }), { code: 'keyring_locked' })

  const unlock = { keyFile: folder.at('unlock.key') }
  const file = folder.at('other', 'keyring.json')
  using other = await createKeyring({ file, unlock, environment: production }, world, signal)
  const before = readFileSync(file)
  await assert.rejects(other.import(exported, { passphrase: 'p' }, signal), {
    code: 'refused',
    message: /production generation 1 with another key/,
  })
  assert.deepEqual(readFileSync(file), before)
})

test('import() into an older copy brings the later generations, of which the newest stays active', async () => {
  await using folder = temporaryFolder('keyring')
  const world = keyringWorld()
  using keyring = await freshKeyring(folder)
  const older = readFileSync(keyring.file)
  await keyring.rotate(production, signal)
  await keyring.rotate(production, signal)
  await keyring.destroy({ environment: production, generation: 2 }, signal)
  const exported = await keyring.exportMaterial('p', signal)
  mkdirSync(folder.at('old'), { mode: 0o700 })
  writeFileSync(folder.at('old', 'keyring.json'), older, { mode: 0o600 })
  const unlock = { keyFile: folder.at('unlock.key') }
  using old = await openKeyring({ file: folder.at('old', 'keyring.json'), unlock }, world, signal)
  await old.import(exported, { passphrase: 'p' }, signal)
  assert.deepEqual(
    old.generations.map(({ generation, state }) => [generation, state]),
    [
      [1, 'retired'],
      [2, 'destroyed'],
      [3, 'active'],
    ],
  )
  for (const generation of [1, 3]) {
    const name = { environment: production, generation } as const
    assert.deepEqual(old.masterKey(name), keyring.masterKey(name))
  }
  assert.deepEqual((await old.check(signal)).faults, [])
})

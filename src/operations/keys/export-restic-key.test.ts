import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { test } from 'node:test'
import { freshKeyring, keyringWorld } from '../../../testing/fresh-keyring.ts'
import { cheapCost } from '../../../testing/fresh-repository.ts'
import { findRestics } from '../../../testing/restic.ts'
import { storeSnapshot } from '../../../testing/sample-repository.ts'
import { type TemporaryFolder, temporaryFolder } from '../../../testing/temporary-folder.ts'
import { neverStopped } from '../../base/abort.ts'
import type { GenerationName } from '../../keys/generation.ts'
import type { Keyring } from '../../keys/keyring.ts'
import { requireCopyApart } from '../../keys/require-copy-apart.ts'
import { initRepository } from '../../repository/init-repository.ts'
import { openRepository } from '../../repository/open-repository.ts'
import { createLocalFolder } from '../../storage/local/local-folder.ts'
import { localStorage } from '../../storage/local/local-storage.ts'
import { memoryStorage } from '../../storage/memory/memory-storage.ts'
import type { Storage } from '../../storage/storage.ts'
import { exportResticKey } from './export-restic-key.ts'
import { masterKeyOf } from './master-key-of.ts'

const signal = neverStopped()
const { clock, random } = keyringWorld()
const origin = { hostname: 'host', username: 'user', clock, random, cost: cheapCost }
const [restic] = findRestics()

/** Makes the repository of a generation, with no key in it and one snapshot of a file. */
async function storeGeneration(storage: Storage, keyring: Keyring, name: GenerationName): Promise<void> {
  const masterKey = masterKeyOf(keyring, name)
  await using repository = await initRepository({ storage, version: 2, masterKey, ...origin }, signal)
  await storeSnapshot(repository, { file: [Buffer.from(`of generation ${name.generation}`)] })
}

/** One at a location on disk, and a copy of it. */
async function storeAndCopy(folder: TemporaryFolder, keyring: Keyring, name: GenerationName): Promise<string> {
  const place = folder.at('location')
  await createLocalFolder(place, signal)
  await storeGeneration(localStorage(place), keyring, name)
  cpSync(place, folder.at('copy'), { recursive: true })
  return place
}

test('exportResticKey() gives a copy a key that opens it, of whichever generation it is, and leaves the location without', async () => {
  await using folder = temporaryFolder('export')
  using keyring = await freshKeyring(folder)
  const first = keyring.active('production')
  const place = await storeAndCopy(folder, keyring, first)
  await keyring.rotate('production', signal)
  const storage = localStorage(folder.at('copy'))

  const exported = await exportResticKey({ storage, keyring, password: 'p', ...origin }, signal)
  assert.deepEqual(exported.generation, { environment: 'production', generation: 1 })
  assert.deepEqual(readdirSync(folder.at('copy', 'keys')), [exported.id])
  await using opened = await openRepository({ storage, random, password: 'p' }, signal)
  assert.deepEqual(Buffer.from(opened.key.encrypt), Buffer.from(masterKeyOf(keyring, first).encrypt))
  assert.deepEqual(readdirSync(`${place}/keys`), [])

  await keyring.destroy(first, signal)
  const again = { storage, keyring, password: 'q', ...origin }
  await assert.rejects(exportResticKey(again, signal), {
    code: 'key_wrong',
    message: /none of production generation 2/,
  })
  await assert.rejects(exportResticKey({ ...again, generation: first }, signal), { code: 'keyring_locked' })
  await assert.rejects(exportResticKey({ ...again, password: '' }, signal), { code: 'usage' })
})

test('stock restic checks and restores a copy with an exported key', {
  skip: restic === undefined ? 'no restic is on the PATH' : false,
}, async () => {
  await using folder = temporaryFolder('export')
  using keyring = await freshKeyring(folder)
  await storeAndCopy(folder, keyring, keyring.active('production'))
  const { cost: _, ...withDefaultCost } = origin
  const storage = localStorage(folder.at('copy'))
  await exportResticKey({ storage, keyring, password: 'secret', ...withDefaultCost }, signal)
  const run = (words: readonly string[]): void => {
    const { status, stderr } = spawnSync(restic!.path, ['-r', folder.at('copy'), '--no-cache', ...words], {
      env: { ...process.env, RESTIC_PASSWORD: 'secret' },
      encoding: 'utf8',
    })
    assert.equal(status, 0, `restic ${words.join(' ')}: ${stderr}`)
  }
  run(['check', '--read-data'])
  run(['restore', 'latest', '--target', folder.at('restored')])
  assert.equal(readFileSync(folder.at('restored', 'file'), 'utf8'), 'of generation 1')
})

test('the life of a key: old backups restore after a rotation, until they are gone and their key with them', async () => {
  await using folder = temporaryFolder('export')
  using keyring = await freshKeyring(folder)
  const first = keyring.active('production')
  const [old, fresh] = [memoryStorage(), memoryStorage()]
  await storeGeneration(old, keyring, first)
  const second = await keyring.rotate('production', signal)
  await storeGeneration(fresh, keyring, second)
  const opens = async (storage: Storage, name: GenerationName): Promise<number> => {
    const masterKey = masterKeyOf(keyring, name)
    await using repository = await openRepository({ storage, random, masterKey }, signal)
    return (await repository.listSnapshots(signal)).length
  }
  assert.deepEqual([await opens(old, first), await opens(fresh, second)], [1, 1])
  await assert.rejects(opens(old, second), { code: 'key_wrong' })
  await assert.rejects(opens(fresh, first), { code: 'key_wrong' })
  await keyring.destroy(first, signal)
  await assert.rejects(opens(old, first), { code: 'keyring_locked' })
  assert.equal(await opens(fresh, second), 1)
})

test('requireCopyApart() refuses a location, what lies in it and what holds it, also by another path', async () => {
  await using folder = temporaryFolder('export')
  mkdirSync(folder.at('primary', 'production', '1', 'repository'), { recursive: true })
  mkdirSync(folder.at('copy'))
  symlinkSync(folder.at('primary', 'production'), folder.at('link'))
  const locations = [{ name: 'location primary', path: folder.at('primary') }]
  await requireCopyApart(folder.at('copy'), locations)
  for (const copy of [
    folder.path,
    folder.at('primary'),
    folder.at('link', '1', 'repository'),
    folder.at('link', 'new'),
  ]) {
    await assert.rejects(requireCopyApart(copy, locations), { code: 'refused', message: /belongs to location primary/ })
  }
})

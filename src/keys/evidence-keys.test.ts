import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { freshKeyring, keyringWorld } from '../../testing/fresh-keyring.ts'
import { temporaryFolder } from '../../testing/temporary-folder.ts'
import { neverStopped } from '../base/abort.ts'
import { isSignedBy } from '../model/evidence/signed-head.ts'
import { KeyEncryptionKey } from './key-encryption-key.ts'
import type { Keyring } from './keyring.ts'
import { decodeKeyringFile, encodeKeyringFile } from './keyring-file.ts'
import { openKeyring, recoverKeyring } from './open-keyring.ts'
import { providerOf } from './unlock.ts'

const signal = neverStopped()
const world = keyringWorld()

async function assertSigns(keyring: Keyring): Promise<string> {
  const { key, signature } = await keyring.signEvidence('text', signal)
  const found = keyring.evidenceKeys.find(({ id }) => id === key)!
  assert.equal(found.retiredAt, undefined)
  assert.ok(isSignedBy('text', signature, found.publicKey))
  assert.equal(isSignedBy('other text', signature, found.publicKey), false)
  return key
}

test('signEvidence() signs with the same key after a rewrap, in another process, and from an export', async () => {
  await using folder = temporaryFolder('evidence-key')
  using keyring = await freshKeyring(folder, { world })
  const key = await assertSigns(keyring)
  const unlock = { keyFile: folder.at('unlock.key') }
  await keyring.rewrap(unlock, signal)
  assert.equal(await assertSigns(keyring), key)
  using again = await openKeyring({ file: keyring.file, unlock }, world, signal)
  assert.equal(await assertSigns(again), key)
  const exported = await keyring.exportMaterial('pass', signal)
  const place = { file: folder.at('other', 'keyring.json'), unlock, exported, exportUnlock: { passphrase: 'pass' } }
  using recovered = await recoverKeyring(place, world, signal)
  assert.equal(await assertSigns(recovered), key)
  assert.deepEqual((await recovered.check(signal)).faults, [])
})

test('rotateEvidenceKey() keeps the public part of the old key and not its private part', async () => {
  await using folder = temporaryFolder('evidence-key')
  using keyring = await freshKeyring(folder, { world })
  const old = await keyring.signEvidence('text', signal)
  await keyring.rotateEvidenceKey(signal)
  const key = await assertSigns(keyring)
  assert.notEqual(key, old.key)
  assert.deepEqual(
    keyring.evidenceKeys.map(({ id }) => id),
    [old.key, key],
  )
  assert.ok(isSignedBy('text', old.signature, keyring.evidenceKeys[0]!.publicKey))
  const entries = decodeKeyringFile(readFileSync(keyring.file), 'it').content.evidenceKeys!
  assert.deepEqual(
    entries.map((entry) => 'wrapped' in entry),
    [false, true],
  )
  assert.deepEqual(readFileSync(`${keyring.file}.previous`), readFileSync(keyring.file))
})

test('a keyring without an evidence key gets one at the first signature, once for all processes', async () => {
  await using folder = temporaryFolder('evidence-key')
  using made = await freshKeyring(folder, { world })
  const unlock = { keyFile: folder.at('unlock.key') }
  const { content } = decodeKeyringFile(readFileSync(made.file), 'it')
  const { evidenceKeys: _, ...older } = content
  const bare = await providerOf(unlock, world).unwrap(
    content.keyEncryptionKey.wrapped,
    { keyring: content.id, version: 1 },
    signal,
  )
  const key = new KeyEncryptionKey({ key: bare, version: 1, keyring: content.id })
  writeFileSync(made.file, encodeKeyringFile(older, key.authentication))
  using first = await openKeyring({ file: made.file, unlock }, world, signal)
  using second = await openKeyring({ file: made.file, unlock }, world, signal)
  assert.deepEqual(first.evidenceKeys, [])
  assert.equal(await assertSigns(first), await assertSigns(second))
  assert.equal(first.sequence, 2)
})

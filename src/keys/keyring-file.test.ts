import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { freshKeyring, keyringWorld } from '../../testing/fresh-keyring.ts'
import { temporaryFolder } from '../../testing/temporary-folder.ts'
import { neverStopped } from '../base/abort.ts'
import { KeyEncryptionKey } from './key-encryption-key.ts'
import { decodeKeyringFile, encodeKeyringFile, type KeyringContent } from './keyring-file.ts'
import { unwrapContent } from './open-content.ts'
import { deriveKey, openKey, sealKey } from './sealed-key.ts'

const signal = neverStopped()
const random = (count: number): Uint8Array => randomBytes(count)
const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64')

/** A keyring of three generations, and how to open bytes as if they were its file. */
async function sample(folder: { at(...names: string[]): string }) {
  using keyring = await freshKeyring(folder)
  await keyring.rotate('production', signal)
  await keyring.destroy({ environment: 'production', generation: 1 }, signal)
  await keyring.rotate('production', signal)
  await keyring.rotate('staging', signal)
  const unlock = { keyFile: folder.at('unlock.key') }
  const open = async (bytes: Uint8Array): Promise<KeyringContent> => {
    const { content, key } = await unwrapContent(bytes, 'the sample', unlock, keyringWorld(), signal)
    key.close()
    return content
  }
  return { bytes: readFileSync(keyring.file), older: readFileSync(`${keyring.file}.previous`), open }
}

test('every byte of a keyring counts: any one that is changed, added or cut off is found', async () => {
  await using folder = temporaryFolder('keyring')
  const { bytes, open } = await sample(folder)
  assert.equal((await open(bytes)).entries.length, 4)
  const damaged = { code: 'keyring_damaged' }
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at]! ^= 1 << (at % 8)
    await assert.rejects(open(changed), damaged, `byte ${at}`)
  }
  // A wrong secret does not hide it.
  const flipped = Buffer.from(bytes)
  const letter = flipped.indexOf('"sealed"') + 20
  flipped.write(flipped[letter] === 'A'.charCodeAt(0) ? 'B' : 'A', letter) // Still a letter of base64: only the checksum tells.
  const unlock = { passphrase: 'not that of the sample' }
  const withWrongSecret = unwrapContent(flipped, 'the sample', unlock, keyringWorld(), signal)
  await assert.rejects(withWrongSecret, { ...damaged, message: 'Cannot read the sample: its checksum is wrong' })
  const property = fc.asyncProperty(
    fc.nat(bytes.length - 1),
    fc.uint8Array({ minLength: 0, maxLength: 3 }),
    fc.nat(3),
    async (at, inserted, removed) => {
      const changed = Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)])
      if (!changed.equals(bytes)) await assert.rejects(open(changed), damaged)
    },
  )
  await fc.assert(property, { numRuns: 500 })
})

test('who can write a keyring but has not its secret can not add, remove, swap or put back entries', async () => {
  await using folder = temporaryFolder('keyring')
  const { bytes, older, open } = await sample(folder)
  const { content } = decodeKeyringFile(bytes, 'x')
  const old = decodeKeyringFile(older, 'x').content
  const [first, second, third, fourth] = content.entries
  const swapped = [
    first!,
    { ...second!, wrapped: 'wrapped' in third! ? third.wrapped : undefined },
    { ...third!, wrapped: 'wrapped' in second! ? second.wrapped : undefined },
    fourth!,
  ] as KeyringContent['entries']
  const forgeries: Record<string, KeyringContent> = {
    removed: { ...content, entries: [first!, third!, fourth!] },
    'put back': { ...old, sequence: content.sequence },
    'one put back': { ...content, entries: [first!, { ...second!, version: second!.version - 1 }, third!, fourth!] },
    swapped: { ...content, entries: swapped },
    renamed: {
      ...content,
      entries: content.entries.map((entry) => ({
        ...entry,
        environment: entry.environment === 'staging' ? 'development' : entry.environment,
      })),
    },
    added: { ...content, entries: [...content.entries, { ...fourth!, environment: 'development' }] },
    newer: { ...content, sequence: content.sequence + 1 },
  }
  for (const [name, forgery] of Object.entries(forgeries)) {
    // The forger makes the checksum right and has to guess the key of the authentication.
    const forged = encodeKeyringFile(forgery, randomBytes(32))
    assert.doesNotThrow(() => decodeKeyringFile(forged, name), name)
    await assert.rejects(open(forged), { code: 'keyring_damaged', message: /somebody without its key/ }, name)
  }
})

test('decodeKeyringFile() refuses costs of Argon2id below the floor, other forms, and what is no keyring', () => {
  for (const text of ['', '{}', 'null', '[]', '{"formatVersion":2}', '{"format":"zakops-backup keyring"}']) {
    assert.throws(() => decodeKeyringFile(Buffer.from(text), 'keyring "x"'), { code: 'keyring_damaged' }, text)
  }
  assert.throws(() => decodeKeyringFile(Buffer.from('{"formatVersion":2}'), 'keyring "x"'), {
    message: /^Cannot read keyring "x": its form has version 2, expected 1/,
  })
  assert.throws(() => decodeKeyringFile(Buffer.alloc(5 * 1024 * 1024), 'x'), { message: /expected at most/ })
})

test('openKey() opens what sealKey() sealed with the same key and context, and nothing else', () => {
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
  const property = fc.property(
    key,
    key,
    fc.uint8Array({ maxLength: 100 }),
    fc.string(),
    fc.string(),
    (a, b, plain, c, d) => {
      const sealed = sealKey(a, plain, c, random)
      assert.deepEqual(openKey(a, sealed, c), Uint8Array.from(plain))
      if (Buffer.compare(a, b) !== 0) assert.equal(openKey(b, sealed, c), undefined)
      if (c !== d) assert.equal(openKey(a, sealed, d), undefined)
    },
  )
  fc.assert(property)
  assert.notDeepEqual(deriveKey(new Uint8Array(32), 'a'), deriveKey(new Uint8Array(32), 'b'))
})

test('openKey() opens test case 15 of the specification of GCM', () => {
  const key = Buffer.from('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308', 'hex')
  const sealed = {
    nonce: base64('cafebabefacedbaddecaf888'),
    sealed: base64(
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa' +
        '8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad' +
        'b094dac5d93471bdec1a502270e3cc6c',
    ),
  }
  const plain =
    'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
    '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255'
  assert.equal(Buffer.from(openKey(key, sealed, '')!).toString('hex'), plain)
})

test('a wrapped master key opens in no other keyring, environment, generation or version', () => {
  const keyring = 'a'.repeat(32)
  const bytes = randomBytes(32)
  const key = new KeyEncryptionKey({ key: bytes, version: 1, keyring })
  const name = { environment: 'production', generation: 1, version: 1 } as const
  const masterKey = randomBytes(64)
  const created = { state: 'active', createdAt: '2026-01-01T00:00:00.000Z' } as const
  const entry = { ...created, ...name, wrapped: key.wrap(name, masterKey, random) }
  assert.deepEqual(Buffer.from(key.unwrap(entry)), masterKey)
  for (const change of [{ environment: 'staging' as const }, { generation: 2 }, { version: 2 }]) {
    assert.throws(() => key.unwrap({ ...entry, ...change }), { code: 'keyring_damaged' })
  }
  const other = new KeyEncryptionKey({ key: bytes, version: 1, keyring: 'b'.repeat(32) })
  assert.throws(() => other.unwrap(entry), { code: 'keyring_damaged' })
})

import assert from 'node:assert/strict'
import { createCipheriv, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { isFailure } from '../base/failure.ts'
import { advanceCounter } from './counter.ts'
import { KernelMemory } from './kernel-memory.ts'
import { nativeSealCipher } from './native-seal-cipher.ts'
import { portableSealCipher } from './portable-seal-cipher.ts'
import { poly1305Reference } from './reference/poly1305-reference.ts'
import { aesVectors } from './reference/poly1305-vectors.ts'
import { openBytes, Opener, sealBytes, sealedOverhead, Sealer } from './seal.ts'
import type { MasterKey } from './seal.ts'
import type { SealCipher } from './seal-cipher.ts'

const seed = Math.floor(Math.random() * 2 ** 31)
const key: MasterKey = { encrypt: randomBytes(32), macK: randomBytes(16), macR: randomBytes(16) }
const randomIv = (): Buffer => randomBytes(16)
const hex = (text: string): Buffer => Buffer.from(text, 'hex')

/** restic's seal by its description alone. */
function sealReference(plaintext: Uint8Array, iv: Uint8Array): Buffer {
  const ciphertext = createCipheriv('aes-256-ctr', key.encrypt, iv).update(plaintext)
  const s = createCipheriv('aes-128-ecb', key.macK, null).update(iv)
  return Buffer.concat([iv, ciphertext, poly1305Reference(ciphertext, key.macR, s)])
}

function isDamaged(error: unknown): boolean {
  return isFailure(error, 'repository_damaged')
}

function isDefect(error: unknown): boolean {
  return isFailure(error, 'defect')
}

const ciphers: readonly [string, (memory: KernelMemory, masterKey: MasterKey) => SealCipher | undefined][] = [
  ['portable', portableSealCipher],
  ['native', nativeSealCipher],
]

for (const [name, cipherOf] of ciphers) {
  const memory = new KernelMemory({ regionBytes: 4 * 1024 * 1024 })
  const cipher = cipherOf(memory, key)
  const { start } = memory
  if (cipher === undefined) {
    test(`${name}SealCipher()`, { skip: 'this Node does not lend its OpenSSL' }, () => {})
    continue
  }
  const sealedIn = (length: number): Buffer => Buffer.copyBytesFrom(memory.bytes, start, length)

  for (const vector of aesVectors) {
    test(`authenticate() of the ${name} cipher gives the tag of ${vector.source}`, () => {
      const own = new KernelMemory({ regionBytes: 1000 })
      const vectorKey = { encrypt: key.encrypt, macK: hex(vector.k), macR: hex(vector.r) }
      const message = hex(vector.message)
      own.bytes.set(message, own.start + 3)
      cipherOf(own, vectorKey)!.authenticate(
        hex(vector.nonce),
        own.start + 3,
        own.start + 3 + message.length,
        own.tagAt,
      )
      assert.equal(Buffer.copyBytesFrom(own.bytes, own.tagAt, 16).toString('hex'), vector.tag)
    })
  }

  test(`seal() by the ${name} cipher gives restic's seal, each with the vector behind the last one's blocks`, () => {
    const lengths = fc.oneof(fc.nat(100), fc.nat(5000), fc.constantFrom(0, 1, 15, 16, 17, 32, 65_536, 70_001, 100_000))
    const ivs = fc.oneof(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.constant(new Uint8Array(16).fill(0xff)))
    const property = fc.property(fc.array(lengths, { minLength: 1, maxLength: 8 }), ivs, (packed, firstIv) => {
      const sealer = new Sealer(memory, key, () => firstIv, cipher)
      const iv = Buffer.from(firstIv)
      sealer.begin()
      for (const length of packed) {
        const plaintext = randomBytes(length)
        assert.equal(sealer.seal(plaintext, start), length + sealedOverhead)
        assert.ok(sealedIn(length + sealedOverhead).equals(sealReference(plaintext, iv)))
        advanceCounter(iv, Math.max(1, Math.ceil(length / 16)))
      }
    })
    fc.assert(property, { seed, numRuns: 60 })
  })

  test(`open() by the ${name} cipher opens what was sealed, in any order`, () => {
    const sealer = new Sealer(memory, key, randomIv, cipher)
    const opener = new Opener(memory, key, cipher)
    const places: { plaintext: Buffer; from: number; to: number }[] = []
    let at = start
    for (const length of [5, 0, 100_000, 16, 0, 77]) {
      const plaintext = randomBytes(length)
      const to = at + sealer.seal(plaintext, at)
      places.push({ plaintext, from: at, to })
      at = to
    }
    for (const index of [0, 1, 2, 3, 4, 5, 2, 2, 0, 5, 4]) {
      const { plaintext, from, to } = places[index]!
      assert.ok(opener.open(from, to).equals(plaintext))
      const target = Buffer.alloc(plaintext.length + 10, 1)
      assert.equal(opener.openInto(from, to, target, 10), plaintext.length)
      assert.ok(target.subarray(10).equals(plaintext))
      assert.ok(target.subarray(0, 10).equals(Buffer.alloc(10, 1)))
    }
  })

  test(`seal() and openInto() by the ${name} cipher work in place`, () => {
    const plaintext = randomBytes(200_001)
    memory.bytes.set(plaintext, start + 16)
    const sealer = new Sealer(memory, key, randomIv, cipher)
    const length = sealer.seal(memory.view(start + 16, start + 16 + plaintext.length), start)
    const opener = new Opener(memory, key, cipher)
    assert.ok(opener.open(start, start + length).equals(plaintext))
    opener.openInto(start, start + length, memory.bytes, start + 16)
    assert.ok(plaintext.equals(memory.view(start + 16, start + 16 + plaintext.length)))
  })

  test(`open() by the ${name} cipher finds each flipped bit and each cut`, () => {
    const plaintext = randomBytes(45)
    const length = new Sealer(memory, key, randomIv, cipher).seal(plaintext, start)
    const opener = new Opener(memory, key, cipher)
    for (let bit = 0; bit < length * 8; bit++) {
      const at = start + (bit >> 3)
      memory.bytes[at]! ^= 1 << (bit & 7)
      assert.throws(() => opener.open(start, start + length), isDamaged, `bit ${bit}`)
      memory.bytes[at]! ^= 1 << (bit & 7)
    }
    for (let cut = 0; cut < length; cut++) {
      assert.throws(() => opener.open(start, start + cut), isDamaged, `cut at the end to ${cut}`)
      assert.throws(() => opener.open(start + length - cut, start + length), isDamaged, `cut at the start to ${cut}`)
    }
    assert.deepEqual(opener.open(start, start + length), plaintext)
  })

  test(`open() by the ${name} cipher refuses a seal of another key`, () => {
    const length = new Sealer(memory, key, randomIv, cipher).seal(Buffer.from('secret'), start)
    for (const part of ['macK', 'macR'] as const) {
      const other = { ...key, [part]: randomBytes(16) }
      const opener = new Opener(memory, other, cipherOf(memory, other))
      assert.throws(() => opener.open(start, start + length), isDamaged)
    }
    assert.equal(new Opener(memory, key, cipher).open(start, start + length).toString(), 'secret')
  })

  test(`the ${name} cipher refuses places outside the memory`, () => {
    const sealer = new Sealer(memory, key, randomIv, cipher)
    assert.throws(() => sealer.seal(Buffer.alloc(100), memory.bytes.length - 131), isDefect)
    assert.throws(() => sealer.seal(Buffer.alloc(100), -1), isDefect)
    const length = sealer.seal(Buffer.alloc(100), start)
    const opener = new Opener(memory, key, cipher)
    assert.throws(() => opener.openInto(start, start + length, Buffer.alloc(100), 1), isDefect)
    assert.throws(() => opener.open(memory.bytes.length - 32, memory.bytes.length + 1), isDamaged)
  })

  test(`begin() with the ${name} cipher takes a new vector`, () => {
    const ivs = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)]
    const sealer = new Sealer(memory, key, () => ivs.shift()!, cipher)
    for (const expected of [1, 2]) {
      sealer.begin()
      sealer.seal(Buffer.from('text'), start)
      assert.ok(sealedIn(16).equals(Buffer.alloc(16, expected)))
    }
  })
}

test('sealBytes() and openBytes() turn any bytes round, also such that the memory has no room for', () => {
  const memory = new KernelMemory({ regionBytes: 1000 })
  const property = fc.property(fc.uint8Array({ maxLength: 3000 }), (plaintext) => {
    const iv = randomIv()
    const sealed = sealBytes(memory, key, plaintext, iv)
    assert.ok(sealed.equals(sealReference(plaintext, iv)))
    assert.ok(openBytes(memory, key, sealed).equals(plaintext))
  })
  fc.assert(property, { seed, numRuns: 100 })
})

test('openBytes() refuses what is too short to be sealed', () => {
  const memory = new KernelMemory({ regionBytes: 1000 })
  for (const length of [0, 1, 31]) assert.throws(() => openBytes(memory, key, Buffer.alloc(length)), isDamaged)
})

test('two keys may be used over one memory in turn', () => {
  const memory = new KernelMemory({ regionBytes: 1000 })
  const other: MasterKey = { encrypt: randomBytes(32), macK: randomBytes(16), macR: randomBytes(16) }
  const sealed = sealBytes(memory, key, Buffer.from('one'), randomIv())
  const otherSealed = sealBytes(memory, other, Buffer.from('two'), randomIv())
  assert.equal(openBytes(memory, key, sealed).toString(), 'one')
  assert.equal(openBytes(memory, other, otherSealed).toString(), 'two')
})

test('advanceCounter() adds to a 128-bit number and wraps round', () => {
  const property = fc.property(fc.bigInt(0n, 2n ** 128n - 1n), fc.nat(2 ** 31 - 1), (start, blocks) => {
    const counter = hex(start.toString(16).padStart(32, '0'))
    advanceCounter(counter, blocks)
    const expected = (start + BigInt(blocks)) % 2n ** 128n
    assert.equal(counter.toString('hex'), expected.toString(16).padStart(32, '0'))
  })
  fc.assert(property, { seed, examples: [[2n ** 128n - 1n, 1]] })
})

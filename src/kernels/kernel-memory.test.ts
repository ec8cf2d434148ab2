import assert from 'node:assert/strict'
import { createCipheriv, createHash } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { isFailure } from '../base/failure.ts'
import { chunkBytesMax, chunkBytesMin, chunkBytesTarget, KernelMemory } from './kernel-memory.ts'
import { ChunkerReference } from './reference/chunker-reference.ts'
import { poly1305Reference } from './reference/poly1305-reference.ts'
import { rfcVectors } from './reference/poly1305-vectors.ts'

const seed = Math.floor(Math.random() * 2 ** 31)
const gearKey = keyOf('gear key')
const hex = (text: string): Buffer => Buffer.from(text, 'hex')

function keyOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** Bytes that look random, the same for the same text. */
function noise(text: string, length: number): Buffer {
  return createCipheriv('aes-256-ctr', keyOf(text), Buffer.alloc(16)).update(Buffer.alloc(length))
}

/** All cuts of `bytes`, lying at `offset` of the region. */
function cutsOf(memory: KernelMemory, bytes: Uint8Array, offset = 0): number[] {
  const start = memory.start + offset
  memory.bytes.set(bytes, start)
  const lengths: number[] = []
  for (let at = start; at < start + bytes.length; at += lengths.at(-1)!) {
    lengths.push(memory.cut(at, start + bytes.length, true))
  }
  return lengths
}

/** Where each chunk ends. */
function ends(lengths: readonly number[]): number[] {
  let end = 0
  return lengths.map((length) => (end += length))
}

function macOf(memory: KernelMemory, message: Uint8Array, r: Uint8Array, s: Uint8Array, offset = 0): Buffer {
  const start = memory.start + offset
  memory.bytes.set(message, start)
  memory.setMacKey(r)
  memory.mac(start, start + message.length, s, memory.tagAt)
  return Buffer.copyBytesFrom(memory.bytes, memory.tagAt, 16)
}

test('KernelMemory gives a shared region of the size asked for', () => {
  const memory = new KernelMemory({ regionBytes: 100_001 })
  assert.equal(memory.start % 64, 0)
  assert.equal(memory.end - memory.start, 100_001)
  assert.ok(memory.end <= memory.bytes.length)
  assert.ok(memory.buffer instanceof SharedArrayBuffer)
  assert.ok(memory.tagAt + 16 <= memory.start)
  assert.throws(
    () => new KernelMemory({ regionBytes: -1 }),
    (error) => isFailure(error, 'defect'),
  )
})

test('KernelMemory opened again over its own memory sees the same bytes', () => {
  const memory = new KernelMemory({ regionBytes: 1000 })
  memory.bytes[memory.start] = 77
  const again = new KernelMemory(structuredClone(memory.shared))
  assert.equal(again.bytes[again.start], 77)
  assert.equal(again.end, memory.end)
})

for (const vector of rfcVectors) {
  test(`mac() gives the tag of ${vector.source}`, () => {
    const memory = new KernelMemory({ regionBytes: 1000 })
    assert.equal(macOf(memory, hex(vector.message), hex(vector.r), hex(vector.s)).toString('hex'), vector.tag)
    assert.equal(poly1305Reference(hex(vector.message), hex(vector.r), hex(vector.s)).toString('hex'), vector.tag)
  })
}

test('mac() agrees with the reference for every length up to 600', () => {
  const memory = new KernelMemory({ regionBytes: 1000 })
  const message = noise('message', 600)
  const r = noise('r', 16)
  const s = noise('s', 16)
  for (let length = 0; length <= message.length; length++) {
    const part = message.subarray(0, length)
    assert.deepEqual(macOf(memory, part, r, s, length % 17), poly1305Reference(part, r, s), `length ${length}`)
  }
})

test('mac() agrees with the reference for extreme limbs', () => {
  const memory = new KernelMemory({ regionBytes: 10_000 })
  const extreme = fc.constantFrom(0x00, 0x01, 0x03, 0x7f, 0x80, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff)
  const bytes = (lengths: { minLength: number; maxLength: number }): fc.Arbitrary<Uint8Array> =>
    fc.oneof(
      fc.array(extreme, lengths).map((values) => Uint8Array.from(values)),
      fc.uint8Array(lengths),
      fc.tuple(extreme, fc.nat(lengths.maxLength)).map(([value, length]) => {
        return new Uint8Array(Math.max(length, lengths.minLength)).fill(value)
      }),
    )
  const sixteen = bytes({ minLength: 16, maxLength: 16 })
  const property = fc.property(bytes({ minLength: 0, maxLength: 2000 }), sixteen, sixteen, (message, r, s) => {
    assert.deepEqual(macOf(memory, message, r, s), poly1305Reference(message, r, s))
  })
  fc.assert(property, { seed, numRuns: 500 })
})

test('mac() agrees with the reference on a long message', () => {
  const memory = new KernelMemory({ regionBytes: 1024 * 1024 })
  for (const message of [Buffer.alloc(300_000, 0xff), noise('long', 300_001)]) {
    const r = Buffer.alloc(16, 0xff)
    assert.deepEqual(macOf(memory, message, r, r), poly1305Reference(message, r, r))
  }
})

test('setMacKey() changes the key, also back to an earlier one', () => {
  const memory = new KernelMemory({ regionBytes: 1000 })
  const [a, b, s] = [noise('a', 16), noise('b', 16), Buffer.alloc(16)]
  const message = Buffer.from('message')
  const first = macOf(memory, message, a, s)
  assert.notDeepEqual(macOf(memory, message, b, s), first)
  assert.deepEqual(macOf(memory, message, a, s), first)
})

test('cut() agrees with the reference', () => {
  const memory = new KernelMemory({ regionBytes: 9 * 1024 * 1024 })
  const program = noise('program', 64)
  const texts: Buffer[] = [
    noise('random', 5_000_003),
    Buffer.alloc(chunkBytesMax + 1),
    Buffer.alloc(1_500_000, 0xff),
    Buffer.concat(
      Array.from({ length: 30_000 }, (_, line) => Buffer.from(`${line} of ${line % 977} lines, no two alike\n`)),
    ),
    Buffer.concat(Array.from({ length: 40_000 }, (_, part) => program.subarray(part % 37, 20 + ((part * 7) % 44)))),
  ]
  for (const key of ['one', 'two', 'three'].map((name) => keyOf(name))) {
    memory.setGearKey(key)
    const reference = new ChunkerReference(key)
    for (const bytes of texts) {
      const expected: number[] = []
      for (let at = 0; at < bytes.length; at += expected.at(-1)!) expected.push(reference.cut(bytes.subarray(at), true))
      assert.deepEqual(cutsOf(memory, bytes), expected)
    }
  }
})

test('cut() gives the same chunks for ever: these bytes and this key have these cuts', () => {
  const memory = new KernelMemory({ regionBytes: 5_000_000 })
  memory.setGearKey(gearKey)
  assert.deepEqual(cutsOf(memory, noise('fixed', 5_000_000)), [1_847_567, 1_228_854, 1_351_081, 572_498])
})

test('cut() agrees with the reference on the last places of a short text', () => {
  const memory = new KernelMemory({ regionBytes: 2 * 1024 * 1024 })
  memory.setGearKey(gearKey)
  const bytes = noise('fixed', 5_000_000)
  const whole = new ChunkerReference(gearKey).cut(bytes, true)
  // However few bytes follow it, and wherever the text lies, the cut is found; and none is found too early.
  memory.bytes.set(bytes.subarray(0, whole + 70), memory.start + 5)
  for (let length = whole - 70; length <= whole + 70; length++) {
    const expected = Math.min(length, whole)
    assert.equal(memory.cut(memory.start + 5, memory.start + 5 + length, true), expected, `length ${length}`)
  }
})

test('cut() asks for more bytes only where the text goes on and less than a maximum is there', () => {
  const memory = new KernelMemory({ regionBytes: chunkBytesMax })
  memory.setGearKey(gearKey)
  memory.bytes.set(noise('random', chunkBytesMax), memory.start)
  assert.equal(memory.cut(memory.start, memory.start + chunkBytesMax - 1, false), 0)
  assert.ok(memory.cut(memory.start, memory.start + chunkBytesMax, false) > chunkBytesMin)
  assert.equal(memory.cut(memory.start, memory.start, true), 0)
  assert.equal(memory.cut(memory.start, memory.start + 1, true), 1)
  assert.equal(memory.cut(memory.start, memory.start + chunkBytesMin, true), chunkBytesMin)
})

test('cut() keeps chunks between minimum and maximum, and near the target', () => {
  const memory = new KernelMemory({ regionBytes: 40 * 1024 * 1024 })
  memory.setGearKey(gearKey)
  const lengths = cutsOf(memory, noise('many', 40 * 1024 * 1024))
  for (const length of lengths.slice(0, -1)) assert.ok(length > chunkBytesMin && length <= chunkBytesMax)
  const mean = (40 * 1024 * 1024) / lengths.length
  assert.ok(mean > 0.9 * chunkBytesTarget && mean < 1.6 * chunkBytesTarget, `mean ${mean}`)
  assert.deepEqual(cutsOf(memory, Buffer.alloc(2 * chunkBytesMax + 5)), [chunkBytesMax, chunkBytesMax, 5])
})

test('cut() finds the old cuts again behind an insertion', () => {
  const memory = new KernelMemory({ regionBytes: 13 * 1024 * 1024 })
  memory.setGearKey(gearKey)
  const bytes = noise('shift', 12 * 1024 * 1024)
  const before = ends(cutsOf(memory, bytes))
  for (const insertion of [1, 17, 4096]) {
    const changed = Buffer.concat([bytes.subarray(0, 700_000), noise('new', insertion), bytes.subarray(700_000)])
    const after = new Set(ends(cutsOf(memory, changed)).map((end) => end - insertion))
    const kept = before.filter((end) => after.has(end))
    assert.ok(kept.length >= before.length - 3, `${kept.length} of ${before.length} after ${insertion} bytes`)
  }
})

test('cut() depends on the bytes alone, not on where they lie', () => {
  const memory = new KernelMemory({ regionBytes: 5 * 1024 * 1024 })
  memory.setGearKey(gearKey)
  const bytes = noise('place', 4 * 1024 * 1024)
  const expected = cutsOf(memory, bytes)
  for (const offset of [1, 7, 31, 4095]) assert.deepEqual(cutsOf(memory, bytes, offset), expected)
})

test('cut() refuses to work without a key', () => {
  const memory = new KernelMemory({ regionBytes: 1000 })
  assert.throws(
    () => memory.cut(memory.start, memory.end, true),
    (error) => isFailure(error, 'defect'),
  )
})

test('setGearKey() gives each key its own cuts', () => {
  const memory = new KernelMemory({ regionBytes: 5 * 1024 * 1024 })
  const bytes = noise('keyed', 5 * 1024 * 1024)
  memory.setGearKey(keyOf('one'))
  const one = cutsOf(memory, bytes)
  memory.setGearKey(keyOf('two'))
  assert.notDeepEqual(cutsOf(memory, bytes), one)
  memory.setGearKey(keyOf('one'))
  assert.deepEqual(cutsOf(memory, bytes), one)
})

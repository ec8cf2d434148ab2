import assert from 'node:assert/strict'
import { createCipheriv, createHash } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { isFailure } from '../base/failure.ts'
import { KernelMemory } from './kernel-memory.ts'
import { poly1305Reference } from './reference/poly1305-reference.ts'
import { rfcVectors } from './reference/poly1305-vectors.ts'

const seed = Math.floor(Math.random() * 2 ** 31)
const hex = (text: string): Buffer => Buffer.from(text, 'hex')

/** Bytes that look random, the same for the same text. */
function noise(text: string, length: number): Buffer {
  return createCipheriv('aes-256-ctr', createHash('sha256').update(text).digest(), Buffer.alloc(16)).update(
    Buffer.alloc(length),
  )
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

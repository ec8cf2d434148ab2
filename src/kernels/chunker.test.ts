import assert from 'node:assert/strict'
import { createCipheriv, createHash } from 'node:crypto'
import { test } from 'node:test'
import { isFailure } from '../base/failure.ts'
import { expandGearKey } from './gear-key.ts'
import { chunkBytesMax, chunkBytesMin, chunkBytesTarget, KernelMemory } from './kernel-memory.ts'
import { kernelModule } from './kernel-module.ts'
import { ChunkerReference } from './reference/chunker-reference.ts'

const gearKey = keyOf('gear key')

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
    const reference = new ChunkerReference(expandGearKey(key))
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
  const whole = new ChunkerReference(expandGearKey(gearKey)).cut(bytes, true)
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

/** The bare kernel under an expanded key of the test's own making, over `bytes`. */
function openKernel(expanded: Uint8Array, bytes: Uint8Array): (start: number, end: number) => number {
  const pages = 256
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  const instance = new WebAssembly.Instance(kernelModule(), { env: { memory } })
  const kernel = instance.exports as {
    setConstants(): void
    gearKeyAt(): number
    cut(start: number, end: number, atEnd: number): number
  }
  kernel.setConstants()
  new Uint8Array(memory.buffer).set(expanded, kernel.gearKeyAt())
  const origin = 65_536
  new Uint8Array(memory.buffer).set(bytes, origin)
  return (start, end) => kernel.cut(origin + start, origin + end, 1)
}

/** What cut() must answer for the text [start, end): the length to the first place of the window that `isCut` names. */
function firstCut(start: number, end: number, isCut: (place: number) => boolean): number {
  for (let place = start + chunkBytesMin; place < end; place++) if (isCut(place)) return place + 1 - start
  return end - start
}

test('cut() finds every candidate, whether it looks at 16 places at once or at each of the last ones', () => {
  // With factors of zero, every candidate is a cut.
  const expanded = new Uint8Array(expandGearKey(gearKey)).fill(0, 32)
  const bytes = noise('candidates', chunkBytesMin + 400_000)
  const reference = new ChunkerReference(expanded)
  const places = new Set<number>()
  for (let place = chunkBytesMin; place < bytes.length; place++) {
    if (reference.isCandidate(bytes, place)) places.add(place)
  }
  assert.ok(places.size > 50)
  const cut = openKernel(expanded, bytes)
  for (const window of [31, 64, 95]) {
    for (let start = 0; start + chunkBytesMin + window <= bytes.length; start += window) {
      const end = start + chunkBytesMin + window
      assert.equal(
        cut(start, end),
        firstCut(start, end, (place) => places.has(place)),
      )
    }
  }
})

test('cut() tries every candidate among 16 places, not only the first', () => {
  // With tables of zero, every place is a candidate.
  const expanded = new Uint8Array(expandGearKey(gearKey)).fill(0, 0, 32)
  const bytes = noise('all places', chunkBytesMin + 100_000)
  const reference = new ChunkerReference(expanded)
  const cut = openKernel(expanded, bytes)
  let start = 0
  let cuts = 0
  for (; start + chunkBytesMin < bytes.length; cuts++) {
    const length = cut(start, bytes.length)
    assert.equal(length, reference.cut(bytes.subarray(start), true))
    start += length - chunkBytesMin
  }
  assert.ok(cuts > 20)
})

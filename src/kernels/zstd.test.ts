import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import * as fc from 'fast-check'
import { isFailure } from '../base/failure.ts'
import { zstdFrames } from './zstd-frame.ts'
import { compressedBytesMax, looksCompressible, ZstdCompressor, ZstdDecompressor, zstdFast } from './zstd.ts'

const seed = Math.floor(Math.random() * 2 ** 31)
const compressor = new ZstdCompressor(3)
const decompressor = new ZstdDecompressor()
const output = Buffer.alloc(2 * 1024 * 1024)
const text = Buffer.from('one line of text, and another one of about the same words\n'.repeat(3000))

function isDamaged(error: unknown): boolean {
  return isFailure(error, 'repository_damaged')
}

/** The frame of `input`, copied. */
function compressed(input: Uint8Array): Buffer {
  const length = compressor.compress(input, output)
  assert.ok(length > 0)
  return Buffer.from(output.subarray(0, length))
}

function assertRoundTrip(input: Uint8Array): void {
  const frame = compressed(input)
  assert.ok(frame.length <= compressedBytesMax(input.length))
  assert.ok(zstdDecompressSync(frame).equals(input))
  const back = Buffer.alloc(input.length)
  assert.equal(decompressor.decompress(frame, back), input.length)
  assert.ok(back.equals(input))
}

test('compress() and decompress() turn any bytes round', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 3000 }),
    fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.nat(5000)).map(([part, times]) => {
      return Buffer.concat(Array.from({ length: times }, () => part))
    }),
  )
  fc.assert(fc.property(bytes, assertRoundTrip), { seed, numRuns: 200 })
})

test('compress() and decompress() turn many blocks, noise and nothing round', () => {
  for (const input of [text, Buffer.alloc(0), randomBytes(1_500_000), Buffer.alloc(1_500_000), randomBytes(1)]) {
    assertRoundTrip(input)
  }
})

test('compress() names the size of the content in the frame', () => {
  for (const length of [0, 1, 255, 256, 65_791, 65_792, 1_000_000]) {
    const frame = compressed(Buffer.alloc(length, 'ab'))
    const frames = [{ start: 0, end: frame.length, contentBytes: length }]
    assert.deepEqual(zstdFrames(frame), { kind: 'whole', frames })
  }
})

test('compress() answers -1 where the output is too short, and works again behind it', () => {
  const noise = randomBytes(300_000)
  for (const room of [0, 1, 100, noise.length - 1, noise.length]) {
    assert.equal(compressor.compress(noise, Buffer.alloc(room)), -1)
    assertRoundTrip(text)
  }
})

test('compress() takes its settings', () => {
  const words = randomBytes(20_000).toString('hex').match(/..../g)!
  const input = Buffer.from(Array.from(randomBytes(100_000), (value) => words[value * 39]!).join(' '))
  const best = new ZstdCompressor(19)
  const fast = new ZstdCompressor(1)
  assert.ok(best.compress(input, output) < fast.compress(input, output))
  const tuned = new ZstdCompressor(zstdFast)
  const byNode = new ZstdCompressor(zstdFast, () => undefined)
  const length = tuned.compress(input, output)
  assert.ok(length !== fast.compress(input, output))
  assert.equal(byNode.compress(input, output), length)
  best.close()
  tuned.close()
  fast.close()
})

test('compress() and decompress() work on shared memory', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(1_000_000))
  shared.set(text)
  const length = compressor.compress(shared.subarray(0, text.length), shared.subarray(500_000))
  const frame = shared.subarray(500_000, 500_000 + length)
  assert.equal(decompressor.decompress(frame, shared.subarray(600_000)), text.length)
  assert.ok(text.equals(shared.subarray(600_000, 600_000 + text.length)))
})

test('decompress() refuses every cut of a frame, and works again behind it', () => {
  const frame = compressed(text.subarray(0, 2000))
  const target = Buffer.alloc(2000)
  for (let length = 0; length < frame.length; length++) {
    assert.throws(() => decompressor.decompress(frame.subarray(0, length), target), isDamaged, `length ${length}`)
    assert.equal(decompressor.decompress(frame, target), 2000)
  }
  const longer = Buffer.concat([frame, Buffer.of(0)])
  assert.throws(() => decompressor.decompress(longer, target), isDamaged)
})

test('decompress() survives any damage: it fails as damaged or answers within its output', () => {
  const frame = compressed(Buffer.concat([text.subarray(0, 5000), randomBytes(500)]))
  const property = fc.property(fc.nat(frame.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
    const damaged = Buffer.from(frame)
    damaged[at]! ^= mask
    const target = Buffer.alloc(5600)
    try {
      assert.ok(decompressor.decompress(damaged, target) <= target.length)
    } catch (error) {
      assert.ok(isDamaged(error), String(error))
    }
    assert.equal(decompressor.decompress(frame, target), 5500)
  })
  fc.assert(property, { seed, numRuns: 400 })
})

test('decompress() finds damage where the frame has a checksum', () => {
  const frame = zstdCompressSync(text.subarray(0, 500), { params: { [constants.ZSTD_c_checksumFlag]: 1 } })
  const target = Buffer.alloc(500)
  assert.equal(decompressor.decompress(frame, target), 500)
  frame[frame.length - 1]! ^= 1
  assert.throws(() => decompressor.decompress(frame, target), isDamaged)
})

test('decompress() refuses an output that is too short', () => {
  const unsized = zstdCompressSync(text, { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } })
  for (const frame of [compressed(text), unsized]) {
    for (const room of [0, 1, text.length - 1]) {
      assert.throws(() => decompressor.decompress(frame, Buffer.alloc(room)), isDamaged)
    }
  }
})

test('decompress() takes frames without a size, several frames, and frames to be skipped', () => {
  const unsized = zstdCompressSync(text, { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } })
  const sized = compressed(text)
  const skipped = Buffer.from('502a4d1803000000010203', 'hex')
  const target = Buffer.alloc(2 * text.length)
  const twice = Buffer.concat([text, text])
  for (const frames of [[unsized], [sized], [skipped, sized], [sized, skipped], [sized, sized], [unsized, sized]]) {
    const expected = frames.filter((frame) => frame !== skipped).length === 2 ? twice : text
    assert.equal(decompressor.decompress(Buffer.concat(frames), target), expected.length)
    assert.ok(target.subarray(0, expected.length).equals(expected))
  }
})

test('compress() and decompress() give the same without a context to reuse', () => {
  const plainCompressor = new ZstdCompressor(3, () => undefined)
  const plainDecompressor = new ZstdDecompressor(() => undefined)
  const target = Buffer.alloc(text.length)
  const length = plainCompressor.compress(text, output)
  assert.ok(output.subarray(0, length).equals(zstdCompressSync(text)))
  assert.deepEqual(compressed(text), zstdCompressSync(text))
  assert.equal(plainCompressor.compress(randomBytes(1000), Buffer.alloc(1000)), -1)
  const frame = compressed(text)
  assert.equal(plainDecompressor.decompress(frame, target), text.length)
  assert.ok(target.equals(text))
  const checked = zstdCompressSync(text, { params: { [constants.ZSTD_c_checksumFlag]: 1 } })
  checked[checked.length - 1]! ^= 1
  assert.throws(() => plainDecompressor.decompress(checked, target), isDamaged)
  assert.throws(() => plainDecompressor.decompress(frame.subarray(0, -1), target), isDamaged)
  plainCompressor.close()
  plainDecompressor.close()
})

test('looksCompressible() says no to noise only', () => {
  assert.equal(looksCompressible(randomBytes(1_000_000)), false)
  assert.equal(looksCompressible(randomBytes(5000)), false)
  assert.equal(looksCompressible(text), true)
  assert.equal(looksCompressible(Buffer.alloc(100_000)), true)
  assert.equal(looksCompressible(Buffer.from(randomBytes(100_000).toString('base64'))), true)
  assert.equal(looksCompressible(Buffer.concat([randomBytes(100_000), text])), true)
  assert.equal(looksCompressible(randomBytes(100)), true)
  assert.equal(looksCompressible(Buffer.alloc(0)), true)
})

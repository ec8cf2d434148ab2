import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { isFailure } from '../base/failure.ts'
import { KernelMemory } from '../kernels/kernel-memory.ts'
import { Opener, Sealer } from '../kernels/seal.ts'
import { ZstdCompressor } from '../kernels/zstd.ts'
import type { BlobType } from '../model/blob.ts'
import { BlobOpener } from './blob-opener.ts'
import { randomMasterKey } from './key-derivation.ts'
import { decodePackHeader, locatePackHeader } from './pack-header.ts'
import { PackBuilder } from './pack-builder.ts'

const key = randomMasterKey((count) => randomBytes(count))
const memory = new KernelMemory({ regionBytes: 2 * 1024 * 1024 })

function builderOf(regionBytes = 1024 * 1024): PackBuilder {
  return new PackBuilder(
    new Sealer(memory, key, () => randomBytes(16)),
    memory,
    memory.start,
    memory.start + regionBytes,
  )
}

test('PackBuilder makes packs whose header tells every blob, and whose blobs open', () => {
  const compressor = new ZstdCompressor(1)
  const opener = new BlobOpener(key)
  const blob = fc.record({
    content: fc.uint8Array({ maxLength: 300 }),
    type: fc.constantFrom<BlobType>('data', 'tree'),
    isCompressed: fc.boolean(),
  })
  const builder = builderOf()
  fc.assert(
    fc.property(fc.array(blob, { minLength: 1, maxLength: 20 }), (blobs) => {
      builder.reset()
      for (const { content, type, isCompressed } of blobs) {
        const id = hash('sha256', content, 'buffer')
        const output = new Uint8Array(1024)
        const bytes =
          isCompressed && content.length > 0 ? output.subarray(0, compressor.compress(content, output)) : content
        builder.add({ id, type, bytes, uncompressedLength: bytes === content ? undefined : content.length })
      }
      const expectedBytes = builder.packBytes
      const pack = builder.finish()
      const bytes = memory.bytes.slice(pack.start, pack.end)
      assert.equal(bytes.length, expectedBytes)
      assert.equal(pack.id, hash('sha256', bytes))
      const { start, end } = locatePackHeader(bytes.subarray(-4), bytes.length, 'the pack')
      const header = new Opener(memory, key).open(pack.start + start, pack.start + end)
      assert.deepEqual(decodePackHeader(header, 'the pack'), pack.blobs)
      for (const [at, packed] of pack.blobs.entries()) {
        const sealed = bytes.subarray(packed.offset, packed.offset + packed.length)
        assert.deepEqual(new Uint8Array(opener.open(sealed, packed)), blobs[at]!.content)
        assert.equal(packed.type, blobs[at]!.type)
      }
    }),
    { numRuns: 60 },
  )
  opener.close()
})

test('PackBuilder.addSealed() takes a blob over as it was sealed', () => {
  const content = randomBytes(1000)
  const id = hash('sha256', content)
  const first = builderOf()
  first.add({ id: hash('sha256', 'x'), type: 'data', bytes: Buffer.from('x'), uncompressedLength: undefined })
  const { offset, length } = first.add({ id, type: 'data', bytes: content, uncompressedLength: undefined })
  const sealed = memory.bytes.slice(memory.start + offset, memory.start + offset + length)
  const second = builderOf()
  second.addSealed({ id, type: 'data', sealed, uncompressedLength: undefined })
  const pack = second.finish()
  const taken = memory.bytes.slice(pack.start, pack.start + pack.blobs[0]!.length)
  assert.deepEqual(taken, sealed)
  assert.deepEqual(new BlobOpener(key).open(taken, pack.blobs[0]!), content)
})

test('PackBuilder.hasRoomFor() is exact: what it allows ends within the region, one byte more is refused', () => {
  const builder = builderOf(1000)
  builder.add({ id: hash('sha256', ''), type: 'data', bytes: new Uint8Array(), uncompressedLength: undefined })
  let bytes = 0
  while (builder.hasRoomFor(bytes + 1)) bytes++
  const tooLarge = {
    id: hash('sha256', 'x'),
    type: 'data',
    bytes: new Uint8Array(bytes + 1),
    uncompressedLength: 1,
  } as const
  assert.throws(
    () => builder.add(tooLarge),
    (error) => isFailure(error, 'defect'),
  )
  builder.add({ ...tooLarge, bytes: new Uint8Array(bytes) })
  const pack = builder.finish()
  assert.equal(pack.end - pack.start, 1000)
})

test('PackBuilder refuses to finish without a blob, and to add after the end', () => {
  const builder = builderOf()
  assert.throws(
    () => builder.finish(),
    (error) => isFailure(error, 'defect'),
  )
  const blob = {
    id: hash('sha256', 'x'),
    type: 'data',
    bytes: Buffer.from('x'),
    uncompressedLength: undefined,
  } as const
  builder.add(blob)
  builder.finish()
  assert.throws(
    () => builder.add(blob),
    (error) => isFailure(error, 'defect'),
  )
  builder.reset()
  builder.add(blob)
})

test('BlobOpener finds every flipped bit, a wrong id, a wrong length', () => {
  const content = Buffer.from('a blob that is to be opened')
  const id = hash('sha256', content)
  const builder = builderOf()
  const { length } = builder.add({ id, type: 'tree', bytes: content, uncompressedLength: undefined })
  const sealed = memory.bytes.slice(memory.start, memory.start + length)
  const opener = new BlobOpener(key)
  const blob = { id, type: 'tree', uncompressedLength: undefined } as const
  const isDamage = (error: unknown): boolean => isFailure(error, 'repository_damaged') && error.message.includes(id)
  assert.deepEqual(opener.open(sealed, blob), content)
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const damaged = sealed.slice()
    damaged[bit >> 3]! ^= 1 << (bit & 7)
    assert.throws(() => opener.open(damaged, blob), isDamage)
  }
  assert.throws(() => opener.open(sealed.subarray(1), blob), isDamage)
  assert.throws(() => opener.open(sealed.subarray(0, 31), blob), isDamage)
  assert.throws(() => opener.open(sealed, { ...blob, uncompressedLength: 30 }), isDamage)
  const otherId = hash('sha256', 'other')
  assert.throws(() => opener.open(sealed, { ...blob, id: otherId }), /SHA-256 of its content/)
  opener.close()
})

test('BlobOpener.open() grows for a blob larger than its scratch memory', () => {
  const content = Buffer.alloc(17 * 1024 * 1024, 7)
  const large = new KernelMemory({ regionBytes: content.length + 1024 })
  const builder = new PackBuilder(new Sealer(large, key, () => randomBytes(16)), large, large.start, large.end)
  const packed = builder.add({
    id: hash('sha256', content),
    type: 'tree',
    bytes: content,
    uncompressedLength: undefined,
  })
  const opened = new BlobOpener(key).open(large.bytes.subarray(large.start, large.start + packed.length), packed)
  assert.equal(opened.equals(content), true)
})

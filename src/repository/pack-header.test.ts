import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { isFailure } from '../base/failure.ts'
import { blobTypes, type PackedBlob } from '../model/blob.ts'
import { resticFixtures } from './fixtures/restic-fixtures.ts'
import {
  decodePackHeader,
  encodePackHeader,
  encodePackHeaderLength,
  locatePackHeader,
  packHeaderBytes,
} from './pack-header.ts'

for (const fixture of resticFixtures) {
  test(`decodePackHeader() finds in every pack of ${fixture.name} what restic's index says of it`, () => {
    for (const { header, pack } of fixture.headers) {
      const blobs = decodePackHeader(Buffer.from(header, 'hex'), 'a pack')
      const wanted = pack.blobs.map((blob) => ({ ...blob, uncompressedLength: blob.uncompressedLength }))
      assert.deepEqual(
        blobs,
        wanted.sort((a, b) => a.offset - b.offset),
      )
      assert.equal(encodePackHeader(blobs).toString('hex'), header)
    }
  })
}

const entry = fc.record({
  id: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex')),
  type: fc.constantFrom(...blobTypes),
  length: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  uncompressedLength: fc.option(fc.integer({ min: 1, max: 2 ** 32 - 1 }), { nil: undefined }),
})
const blobs = fc.array(entry, { minLength: 1, maxLength: 8 }).map((entries) => {
  let offset = 0
  return entries.map(({ id, type, length, uncompressedLength }) => {
    const blob: PackedBlob = { id, type, offset, length, uncompressedLength }
    offset += length
    return blob
  })
})

test('decodePackHeader() is the inverse of encodePackHeader()', () => {
  fc.assert(
    fc.property(blobs, (items) => {
      assert.deepEqual(decodePackHeader(encodePackHeader(items), 'a pack'), items)
    }),
  )
})

test('decodePackHeader() refuses a header that is cut or has an unknown type', () => {
  fc.assert(
    fc.property(blobs, fc.integer({ min: 1, max: 36 }), (items, cut) => {
      const header = encodePackHeader(items)
      const short = header.subarray(0, header.length - cut)
      assert.throws(
        () => decodePackHeader(short, 'a pack'),
        (error) => isFailure(error, 'repository_damaged'),
      )
      header[0] = 4
      assert.throws(
        () => decodePackHeader(header, 'a pack'),
        (error) => isFailure(error, 'repository_damaged'),
      )
    }),
  )
})

test('locatePackHeader() finds the sealed header from the tail', () => {
  fc.assert(
    fc.property(blobs, fc.integer({ min: 0, max: 1000 }), (items, content) => {
      const sealed = packHeaderBytes(items) - 4
      assert.equal(sealed, encodePackHeader(items).length + 32)
      const packBytes = content + sealed + 4
      const place = locatePackHeader(encodePackHeaderLength(sealed), packBytes, 'a pack')
      assert.deepEqual(place, { start: content, end: packBytes - 4 })
    }),
  )
})

test('locatePackHeader() refuses lengths that can not be', () => {
  for (const length of [0, 31, 1000, 17 * 1024 * 1024]) {
    const locate = (): unknown => locatePackHeader(encodePackHeaderLength(length), 1000, 'a pack')
    assert.throws(locate, (error) => isFailure(error, 'repository_damaged'), String(length))
  }
  const tooLong = encodePackHeaderLength(17 * 1024 * 1024)
  assert.throws(
    () => locatePackHeader(tooLong, 20 * 1024 * 1024, 'a pack'),
    (error) => isFailure(error, 'repository_damaged'),
  )
  assert.throws(
    () => locatePackHeader(Buffer.alloc(3), 3, 'a pack'),
    (error) => isFailure(error, 'repository_damaged'),
  )
})

test('encodePackHeader() refuses a compressed blob of no bytes, which restic would read as uncompressed', () => {
  const blob: PackedBlob = { id: '00'.repeat(32), type: 'data', offset: 0, length: 41, uncompressedLength: 0 }
  assert.throws(
    () => encodePackHeader([blob]),
    (error) => isFailure(error, 'defect'),
  )
})

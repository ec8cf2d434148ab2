import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { isFailure } from '../base/failure.ts'
import { blobTypes, type PackedBlob } from '../model/blob.ts'
import { resticFixtures } from './fixtures/restic-fixtures.ts'
import { decodeIndex, encodeIndex, type IndexedPack } from './index-json.ts'

for (const fixture of resticFixtures) {
  test(`encodeIndex() gives every index of ${fixture.name} the bytes that restic gave it`, () => {
    for (const text of fixture.indexes) {
      assert.equal(encodeIndex(decodeIndex(Buffer.from(text), 'an index')).toString(), text)
    }
  })
}

const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'))
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const blob: fc.Arbitrary<PackedBlob> = fc.record(
  {
    id,
    type: fc.constantFrom(...blobTypes),
    offset: uint32,
    length: uint32,
    uncompressedLength: fc.option(fc.integer({ min: 1, max: 2 ** 32 - 1 }), { nil: undefined }),
  },
  { noNullPrototype: true },
)
const packs: fc.Arbitrary<IndexedPack[]> = fc.array(
  fc.record({ id, blobs: fc.array(blob, { minLength: 1, maxLength: 4 }) }, { noNullPrototype: true }),
  { maxLength: 4 },
)

test('decodeIndex() is the inverse of encodeIndex()', () => {
  fc.assert(
    fc.property(packs, (items) => {
      assert.deepEqual(decodeIndex(encodeIndex({ packs: items }), 'an index').packs, items)
    }),
  )
})

test('decodeIndex() reads the same from JSON of another form, wherever the form begins to differ', () => {
  fc.assert(
    fc.property(packs, fc.double({ min: 0, max: 1, noNaN: true }), (items, part) => {
      const text = encodeIndex({ packs: items }).toString().trimEnd()
      const commas = [...text.matchAll(/,/g)].map((match) => match.index)
      const at = commas[Math.floor(part * (commas.length - 1))] ?? 0
      const spaced = `${text.slice(0, at + 1)} \n${text.slice(at + 1)}`
      assert.deepEqual(decodeIndex(Buffer.from(spaced), 'an index').packs, items)
    }),
  )
})

test('decodeIndex() reads the list of replaced indexes that old restic wrote', () => {
  const old = 'ab'.repeat(32)
  assert.deepEqual(decodeIndex(Buffer.from(`{"supersedes":["${old}"],"packs":[]}`), 'an index'), {
    packs: [],
    supersedes: [old],
  })
})

test('decodeIndex() takes a pack without blobs and a list that is null', () => {
  const pack = 'ab'.repeat(32)
  assert.deepEqual(decodeIndex(Buffer.from(`{"packs":[{"id":"${pack}","blobs":null}]}`), 'an index').packs, [
    { id: pack, blobs: [] },
  ])
  assert.deepEqual(decodeIndex(Buffer.from('{"packs":null}'), 'an index').packs, [])
})

test('decodeIndex() refuses an index that is cut, or whose numbers do not fit', () => {
  const text = resticFixtures[1]!.indexes.find((item) => item.includes('"data"'))
  const damaged = [
    text!.slice(0, -20),
    text!.replace('"type":"data"', '"type":"date"'),
    text!.replace(/"offset":\d+/, '"offset":4294967296'),
    text!.replace(/"offset":\d+/, '"offset":-1'),
    text!.replace('"id":"', '"id":"x'),
    text!.replace(/"id":"./, '"id":"g'),
    '',
    '[]',
  ]
  for (const item of damaged) {
    assert.notEqual(item, text)
    assert.throws(
      () => decodeIndex(Buffer.from(item), 'an index'),
      (error) => isFailure(error, 'repository_damaged'),
    )
  }
})

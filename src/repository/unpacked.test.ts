import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../base/failure.ts'
import { decodeUnpacked, encodeUnpacked } from './unpacked.ts'

const json = Buffer.from(`{"packs":[${'1,'.repeat(500)}1]}`)

test('decodeUnpacked() is the inverse of encodeUnpacked() in both formats', () => {
  for (const version of [1, 2] as const) {
    assert.deepEqual(Buffer.from(decodeUnpacked(encodeUnpacked(json, version), version, 'an index')), json)
  }
  assert.ok(encodeUnpacked(json, 2).length < json.length / 5)
})

test('decodeUnpacked() takes plain JSON in format 2', () => {
  assert.deepEqual(decodeUnpacked(json, 2, 'an index'), json)
  assert.equal(decodeUnpacked(new Uint8Array(0), 2, 'an index').length, 0)
})

test('decodeUnpacked() refuses an unknown encoding and bytes that do not decompress', () => {
  assert.throws(
    () => decodeUnpacked(Buffer.of(3, 1), 2, 'x'),
    (error) => isFailure(error, 'repository_unsupported'),
  )
  const packed = encodeUnpacked(json, 2)
  const cut = packed.subarray(0, packed.length - 5)
  assert.throws(
    () => decodeUnpacked(cut, 2, 'x'),
    (error) => isFailure(error, 'repository_damaged'),
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chunkBytesOf } from './chunk-bytes.ts'

const kibibyte = 1024
const gibibyte = 1024 ** 3

test('chunkBytesOf() begins with 32 KiB or a page, and doubles with the database', () => {
  assert.equal(chunkBytesOf(1, 4096, undefined), 32 * kibibyte)
  assert.equal(chunkBytesOf(1, 65_536, undefined), 64 * kibibyte)
  assert.equal(chunkBytesOf(gibibyte, 4096, undefined), 32 * kibibyte)
  assert.equal(chunkBytesOf(gibibyte + 4096, 4096, undefined), 64 * kibibyte)
  assert.equal(chunkBytesOf(10_000 * gibibyte, 4096, undefined), 8192 * kibibyte)
})

test('chunkBytesOf() keeps the size of the backup before until there are four times as many chunks', () => {
  assert.equal(chunkBytesOf(4 * gibibyte, 4096, 32 * kibibyte), 32 * kibibyte)
  assert.equal(chunkBytesOf(4 * gibibyte + 4096, 4096, 32 * kibibyte), 256 * kibibyte)
  assert.equal(chunkBytesOf(4096, 4096, 256 * kibibyte), 256 * kibibyte)
  assert.equal(chunkBytesOf(4096, 65_536, 32 * kibibyte), 64 * kibibyte)
})

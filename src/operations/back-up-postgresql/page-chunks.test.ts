import assert from 'node:assert/strict'
import { test } from 'node:test'
import { choosePageChunks } from './page-chunks.ts'

test('choosePageChunks() cuts by the page, and larger ones only in a cluster that would have too many', () => {
  assert.deepEqual(choosePageChunks(0, 8192), { bytes: 65_536, pageBytes: 8192 })
  assert.deepEqual(choosePageChunks(100 * 2 ** 30, 8192), { bytes: 65_536, pageBytes: 8192 })
  assert.deepEqual(choosePageChunks(2 ** 40, 8192), { bytes: 524_288, pageBytes: 65_536 })
  assert.deepEqual(choosePageChunks(2 ** 50, 8192), { bytes: 1_048_576, pageBytes: 131_072 })
})

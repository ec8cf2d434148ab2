import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32c } from './crc32c.ts'

test('crc32c() gives the check value of the algorithm, however the bytes are cut', () => {
  assert.equal(crc32c([Buffer.from('123456789')]), 0xe3069283)
  assert.equal(crc32c([Buffer.from('1234'), Buffer.from(''), Buffer.from('56789')]), 0xe3069283)
  assert.equal(crc32c([]), 0)
})

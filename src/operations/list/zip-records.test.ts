import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zipCentralHeader, zipDataDescriptor, type ZipEntry, zipEnd, zipLocalHeader } from './zip-records.ts'

const small: ZipEntry = {
  name: Buffer.from('n'),
  isUtf8: true,
  type: 'file',
  permissions: 0o644,
  mtimeSeconds: 1_700_000_000,
  start: 5,
  large: false,
  crc: 0xdead_beef,
  bytes: 10,
  storedBytes: 8,
}

test('zipLocalHeader() and zipDataDescriptor() have 64-bit lengths for large entries only', () => {
  assert.equal(zipLocalHeader(small).length, 30 + 1 + 9)
  assert.equal(zipLocalHeader({ ...small, large: true }).length, 30 + 1 + 9 + 20)
  assert.equal(zipDataDescriptor(small).length, 16)
  const large = zipDataDescriptor({ ...small, large: true, bytes: 2 ** 40 })
  assert.equal(large.length, 24)
  assert.equal(large.readBigUInt64LE(16), 2n ** 40n)
})

test('zipCentralHeader() has 64-bit fields where a length or the offset needs them', () => {
  const plain = zipCentralHeader(small)
  assert.equal(plain.length, 46 + 1 + 9)
  assert.equal(plain.readUInt32LE(42), 5)
  const far = zipCentralHeader({ ...small, start: 2 ** 33 })
  assert.equal(far.readUInt32LE(42), 0xffff_ffff)
  assert.equal(far.readBigUInt64LE(far.length - 8), 2n ** 33n)
})

test('zipEnd() adds the 64-bit end where the archive needs it', () => {
  assert.equal(zipEnd({ entries: 3, centralStart: 100, centralBytes: 50 }).length, 22)
  const many = zipEnd({ entries: 70_000, centralStart: 100, centralBytes: 50 })
  assert.equal(many.length, 56 + 20 + 22)
  assert.equal(many.readBigUInt64LE(24), 70_000n)
  assert.equal(many.readUInt16LE(many.length - 12), 0xffff)
})

const date = (mtimeSeconds: number): number => zipLocalHeader({ ...small, mtimeSeconds }).readUInt16LE(12)

test('zipLocalHeader() keeps times outside of what DOS knows at its ends', () => {
  assert.equal(date(0), (0 << 9) | (1 << 5) | 1)
  assert.equal(date(1e12), (127 << 9) | (12 << 5) | 31)
  assert.equal(date(1_700_000_000), (43 << 9) | (11 << 5) | 14)
})

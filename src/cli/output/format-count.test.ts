import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatCount, groupDigits } from './format-count.ts'

test('formatCount() takes the noun that goes with the number', () => {
  assert.equal(formatCount(1, 'file'), '1 file')
  assert.equal(formatCount(0, 'file'), '0 files')
  assert.equal(formatCount(2, 'directory', 'directories'), '2 directories')
})

test('groupDigits() groups by thousands', () => {
  assert.equal(groupDigits(999), '999')
  assert.equal(groupDigits(1000), '1,000')
  assert.equal(groupDigits(12_345_678), '12,345,678')
})

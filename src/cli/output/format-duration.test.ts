import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDuration } from './format-duration.ts'

test('formatDuration() writes minutes and seconds, and hours where there are some', () => {
  assert.equal(formatDuration(0), '0:00')
  assert.equal(formatDuration(59.9), '0:59')
  assert.equal(formatDuration(754), '12:34')
  assert.equal(formatDuration(3723), '1:02:03')
  assert.equal(formatDuration(-1), '0:00')
})

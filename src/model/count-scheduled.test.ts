import assert from 'node:assert/strict'
import { test } from 'node:test'
import { statusPolicy } from '../../testing/status-samples.ts'
import { countScheduled } from './count-scheduled.ts'

const at = (text: string): Date => new Date(`2026-03-${text}Z`)

/** Fulls and incrementals. 4 March 2026 is a Wednesday, 8 March a Sunday. */
function count(since: string, until: string): number[] {
  const { full, incremental } = countScheduled(statusPolicy, at(since), at(until))
  return [full, incremental]
}

test('countScheduled() counts what was due, the first as a full, and no more than is kept', () => {
  assert.deepEqual(count('04T12:00', '05T01:59'), [0, 0])
  assert.deepEqual(count('04T12:00', '05T02:00'), [0, 0])
  assert.deepEqual(count('04T12:00', '06T02:00'), [0, 1])
  assert.deepEqual(count('04T12:00', '08T02:00'), [1, 2])
  assert.deepEqual(count('08T01:00', '08T02:00'), [1, 0])
  assert.deepEqual(count('08T01:00', '10T02:00'), [1, 2])
  assert.deepEqual(count('08T02:00', '09T02:00'), [0, 0])
  assert.deepEqual(count('01T00:00', '31T00:00'), [4, 7])
})

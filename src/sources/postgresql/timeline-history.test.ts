import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../../base/failure.ts'
import { parseTimelineHistory, timelineStretches } from './timeline-history.ts'

test('parseTimelineHistory() reads what PostgreSQL writes, and timelineStretches() the way that it tells', () => {
  const parents = parseTimelineHistory('1\t0/5000130\tno recovery target specified\n\n2\t0/7000000\tbefore 2000\n')
  assert.deepEqual(parents, [
    { timeline: 1, end: 0x5000130n },
    { timeline: 2, end: 0x7000000n },
  ])
  assert.deepEqual(timelineStretches(5, parents), [
    { timeline: 1, begin: 0n, end: 0x5000130n },
    { timeline: 2, begin: 0x5000130n, end: 0x7000000n },
    { timeline: 5, begin: 0x7000000n, end: undefined },
  ])
  assert.deepEqual(timelineStretches(1, []), [{ timeline: 1, begin: 0n, end: undefined }])
})

test('parseTimelineHistory() refuses what is no history', () => {
  for (const text of ['x', '1', '2\t0/5\n1\t0/6', '1\t0/6\n2\t0/5'])
    assert.throws(
      () => parseTimelineHistory(text),
      (error) => isFailure(error, 'repository_damaged'),
    )
})

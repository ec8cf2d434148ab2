import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeWindow, lastTimeOf } from './recovery-window.ts'

const begin = { beginUs: 1_764_000_000_000_000n, beginLsn: 0x8000120n, endLsn: 0x9000270n }

test('describeWindow() tells from when to when, and never to a time before the beginning', () => {
  const later = { ...begin, lastEndUs: begin.beginUs + 5_000_000n }
  assert.equal(
    describeWindow(later),
    'from 2025-11-24 16:00:00.000000+00, position 0/8000120 to 2025-11-24 16:00:05.000000+00, position 0/9000270',
  )
  assert.equal(lastTimeOf(later), later.lastEndUs)
  // The last transaction lies in the snapshot, or there is none.
  for (const lastEndUs of [begin.beginUs - 300_000n, begin.beginUs, undefined]) {
    assert.equal(
      describeWindow({ ...begin, lastEndUs }),
      'from 2025-11-24 16:00:00.000000+00, position 0/8000120 to position 0/9000270; no transaction ended since, so that "latest" is all that is later',
    )
    assert.equal(lastTimeOf({ ...begin, lastEndUs }), undefined)
  }
})

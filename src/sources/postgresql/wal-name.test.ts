import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bigInt, assert as check, integer, property } from 'fast-check'
import { parseWalName, segmentName, segmentNumber, segmentOf, segmentStart } from './wal-name.ts'
import { walFileName } from './lsn.ts'

test('parseWalName() knows the four kinds and nothing else', () => {
  const place = { timeline: 1, log: 22, part: 2 }
  assert.deepEqual(parseWalName('000000010000001600000002'), { kind: 'segment', ...place })
  assert.deepEqual(parseWalName('000000010000001600000002.partial'), { kind: 'partial', ...place })
  assert.deepEqual(parseWalName('000000010000001600000002.00000028.backup'), { kind: 'label', ...place, offset: 40 })
  assert.deepEqual(parseWalName('0000000A.history'), { kind: 'history', timeline: 10 })
  for (const name of [
    '',
    '00000001000000160000000',
    '000000010000001600000002x',
    '0000000a.history',
    '../0000000A.history',
  ])
    assert.equal(parseWalName(name), undefined, name)
})

test('segmentName() and parseWalName() are each other’s way back for every size of segments', () => {
  check(
    property(
      integer({ min: 20, max: 30 }),
      bigInt(0n, 2n ** 52n),
      integer({ min: 1, max: 2 ** 31 }),
      (power, lsn, timeline) => {
        const bytes = 2 ** power
        const segment = segmentOf(lsn, bytes)
        const name = segmentName(timeline, segment, bytes)
        assert.equal(name, walFileName(timeline, lsn, bytes))
        const parsed = parseWalName(name)
        assert.ok(parsed?.kind === 'segment')
        assert.equal(segmentNumber(parsed, bytes), segment)
        assert.equal(parsed.timeline, timeline)
        assert.ok(segmentStart(segment, bytes) <= lsn && lsn < segmentStart(segment + 1, bytes))
      },
    ),
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { isFailure } from '../../base/failure.ts'
import { formatTimeUs, parseRecoveryTarget, parseTimeUs } from './recovery-target.ts'

test('parseRecoveryTarget() tells the five kinds apart', () => {
  const at = 1_764_072_000_000_000n
  for (const [text, target] of [
    ['latest', { kind: 'latest' }],
    ['2025-11-25 12:00:00', { kind: 'time', atUs: at }],
    ['2025-11-25T13:00:00+01', { kind: 'time', atUs: at }],
    ['2025-11-25 06:30:00.000001-05:30', { kind: 'time', atUs: at + 1n }],
    ['2025-11-25', { kind: 'time', atUs: at - 43_200_000_000n }],
    ['16/B374D848', { kind: 'lsn', lsn: 0x16b374d848n }],
    ['4711', { kind: 'xid', xid: 4711 }],
    ['4294967301', { kind: 'xid', xid: 5 }],
    ['before the change', { kind: 'name', name: 'before the change' }],
    ['name:latest', { kind: 'name', name: 'latest' }],
    ['name:4711', { kind: 'name', name: '4711' }],
  ] as const)
    assert.deepEqual(parseRecoveryTarget(text), target, text)
})

test('parseRecoveryTarget() refuses what is nearly a target', () => {
  const texts = [
    '',
    '2025-02-30',
    '2025-11-25 25:00',
    'time:now',
    'lsn:12',
    'xid:x',
    'xid:-1',
    `name:${'x'.repeat(64)}`,
  ]
  for (const text of texts)
    assert.throws(
      () => parseRecoveryTarget(text),
      (error) => isFailure(error, 'usage'),
      text,
    )
})

test('formatTimeUs() writes what parseTimeUs() reads', () => {
  fc.assert(
    fc.property(fc.bigInt(-(10n ** 15n), 4n * 10n ** 15n), (us) => assert.equal(parseTimeUs(formatTimeUs(us)), us)),
  )
})

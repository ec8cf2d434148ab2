import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { isFailure } from '../base/failure.ts'
import { compareMoments, formatGoDate, formatGoTime, parseGoTime } from './go-time.ts'

test('formatGoTime() writes what Go writes for known moments', () => {
  assert.equal(formatGoTime(0, 0), '1970-01-01T00:00:00Z')
  assert.equal(formatGoTime(1, 123_456_789), '1970-01-01T00:00:01.123456789Z')
  assert.equal(formatGoTime(-1, 999_999_999), '1969-12-31T23:59:59.999999999Z')
  assert.equal(formatGoTime(951_782_400, 120_000_000), '2000-02-29T00:00:00.12Z')
  assert.equal(formatGoTime(-62_135_596_800, 1), '0001-01-01T00:00:00.000000001Z')
})

test('formatGoTime() puts years that RFC 3339 can not hold into the nearest one', () => {
  assert.match(formatGoTime(1e12, 0), /^9999-\d\d-\d\dT01:46:40Z$/)
  assert.match(formatGoTime(-1e12, 0), /^0000-\d\d-\d\dT22:13:20Z$/)
})

test('formatGoTime() agrees with Date for every second that Date knows', () => {
  const seconds = fc.integer({ min: -62_167_219_200, max: 253_402_300_799 })
  fc.assert(
    fc.property(seconds, (second) => {
      assert.equal(
        formatGoTime(second, 0),
        new Date(second * 1000).toISOString().replace('.000Z', 'Z').replace('+00', ''),
      )
    }),
  )
})

test('parseGoTime() is the inverse of formatGoTime()', () => {
  const seconds = fc.integer({ min: -62_167_219_200, max: 253_402_300_799 })
  fc.assert(
    fc.property(seconds, fc.integer({ min: 0, max: 999_999_999 }), (second, nanoseconds) => {
      assert.deepEqual(parseGoTime(formatGoTime(second, nanoseconds)), { seconds: second, nanoseconds })
    }),
  )
})

test('parseGoTime() takes the time zone into account', () => {
  const utc = parseGoTime('2026-11-23T03:27:52.5Z')
  assert.deepEqual(parseGoTime('2026-11-23T04:27:52.5+01:00'), utc)
  assert.deepEqual(parseGoTime('2026-11-22T22:57:52.500-04:30'), utc)
  assert.equal(compareMoments(utc, parseGoTime('2026-11-23T03:27:52.50001Z')) < 0, true)
})

test('parseGoTime() refuses what is no time', () => {
  for (const text of ['', 'now', '2026-11-23', '2026-11-23T03:27:52', '2026-11-23T03:27:52.Z']) {
    assert.throws(
      () => parseGoTime(text),
      (error) => isFailure(error, 'repository_damaged'),
      text,
    )
  }
})

test('formatGoDate() keeps the milliseconds of a Date', () => {
  assert.equal(formatGoDate(new Date(1_700_000_000_120)), '2023-11-14T22:13:20.12Z')
  assert.equal(formatGoDate(new Date(-1)), '1969-12-31T23:59:59.999Z')
})

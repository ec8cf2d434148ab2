import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { sourceRates, type TimedRestore } from './source-rates.ts'

const phases = fc.record({
  openMs: fc.integer({ min: 0, max: 1e5 }),
  transferMs: fc.integer({ min: 0, max: 1e7 }),
  verifyMs: fc.integer({ min: 0, max: 1e7 }),
})
const restore = fc
  .record({ bytes: fc.integer({ min: 0, max: 1e9 }), files: fc.integer({ min: 0, max: 1e5 }), phases })
  .map(({ bytes, files, phases: timed }): TimedRestore => {
    return { bytes, files, phases: timed, durationMs: timed.openMs + timed.transferMs + timed.verifyMs }
  })

test('sourceRates() forecasts phases that add up to the duration, none of them below nothing', () => {
  fc.assert(
    fc.property(fc.array(restore, { minLength: 1 }), fc.integer({ min: 0, max: 1e9 }), (restores, bytes) => {
      const forecast = sourceRates(restores)!.forecast({ bytes, files: 1 })
      if (forecast === undefined) return
      const { openMs, transferMs, verifyMs } = forecast.phases!
      assert.ok(openMs >= 0 && transferMs >= 0 && verifyMs >= 0)
      assert.ok(Math.abs(forecast.durationMs - openMs - transferMs - verifyMs) < 1e-6)
    }),
  )
})

/** Opening is fixed, transfer grows with the bytes, comparing with the files. */
function restored(bytes: number, files: number): TimedRestore {
  const parts = { openMs: 100, transferMs: bytes / 1000, verifyMs: files * 2 }
  return { bytes, files, durationMs: parts.openMs + parts.transferMs + parts.verifyMs, phases: parts }
}

test('sourceRates() lets each phase grow with what it grows with', () => {
  const rates = sourceRates([restored(1e6, 100), restored(3e6, 150), restored(2e6, 600)])!
  const { durationMs, phases: found } = rates.forecast({ bytes: 4e6, files: 1000 })!
  assert.deepEqual(
    [durationMs, ...Object.values(found!)].map((ms) => Math.round(ms)),
    [6100, 100, 4000, 2000],
  )
  assert.ok(Math.abs(rates.msPerByte - 0.001) < 1e-9 && Math.abs(rates.msPerFile - 2) < 1e-6)
  assert.equal(rates.forecast({ bytes: 13e6, files: 1 }), undefined)
})

test('sourceRates() takes the whole where no phases were timed, and only timed ones where there are some', () => {
  const old: TimedRestore = { bytes: 1000, files: 1, durationMs: 5000 }
  const whole = sourceRates([old])!.forecast({ bytes: 2000, files: 1 })!
  assert.deepEqual([whole.durationMs, whole.phases], [10_000, undefined])
  const parts = { openMs: 10, transferMs: 10, verifyMs: 0 }
  const rates = sourceRates([old, { bytes: 1000, files: 1, durationMs: 20, phases: parts }])!
  assert.equal(rates.measurements, 1)
  assert.equal(Math.round(rates.forecast({ bytes: 2000, files: 1 })!.durationMs), 40)
  assert.equal(sourceRates([]), undefined)
})

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
  .record({ bytes: fc.integer({ min: 0, max: 1e9 }), phases })
  .map(({ bytes, phases: timed }): TimedRestore => {
    return { bytes, phases: timed, durationMs: timed.openMs + timed.transferMs + timed.verifyMs }
  })

test('sourceRates() forecasts phases that add up to the duration, none of them below nothing', () => {
  fc.assert(
    fc.property(fc.array(restore, { minLength: 1 }), fc.integer({ min: 0, max: 1e9 }), (restores, bytes) => {
      const forecast = sourceRates(restores)!.forecast(bytes)
      if (forecast === undefined) return
      const { openMs, transferMs, verifyMs } = forecast.phases!
      assert.ok(openMs >= 0 && transferMs >= 0 && verifyMs >= 0)
      assert.equal(forecast.durationMs, openMs + transferMs + verifyMs)
    }),
  )
})

test('sourceRates() lets only transfer and comparison grow, also from a single restore', () => {
  const one: TimedRestore = {
    bytes: 1000,
    durationMs: 600,
    phases: { openMs: 100, transferMs: 400, verifyMs: 100 },
  }
  const rates = sourceRates([one])!
  assert.deepEqual(rates.forecast(3000), {
    durationMs: 1600,
    phases: { openMs: 100, transferMs: 1200, verifyMs: 300 },
  })
  assert.equal(rates.msPerByte, 0.5)
  assert.equal(rates.forecast(5000), undefined)
})

test('sourceRates() takes the whole where no phases were timed, and only timed ones where there are some', () => {
  const old: TimedRestore = { bytes: 1000, durationMs: 5000 }
  assert.deepEqual(sourceRates([old])!.forecast(2000), { durationMs: 10_000, phases: undefined })
  const timed: TimedRestore = { bytes: 1000, durationMs: 20, phases: { openMs: 10, transferMs: 10, verifyMs: 0 } }
  assert.equal(sourceRates([old, timed])!.measurements, 1)
  assert.equal(sourceRates([old, timed])!.forecast(2000)!.durationMs, 30)
  assert.equal(sourceRates([]), undefined)
})

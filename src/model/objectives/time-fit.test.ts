import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type DataSize, fitTimes, reachMax, type TimedSize } from './time-fit.ts'

const sized = (megabytes: number, files: number): DataSize => ({ bytes: megabytes * 1e6, files })
const near = (found: number, wanted: number, within: number): void =>
  assert.ok(Math.abs(found / wanted - 1) <= within, `${found}, expected ${wanted} within ${within}`)

test('fitTimes() finds what is fixed and what grows with the bytes from two sizes, and forecasts others by it', () => {
  const positive = fc.double({ min: 1, max: 1e5, noNaN: true })
  fc.assert(
    fc.property(positive, positive, fc.double({ min: 1.3, max: 4, noNaN: true }), (fixedMs, rate, times) => {
      const lineOf = ({ bytes }: DataSize): number => fixedMs + (rate / 1e6) * bytes
      const measured = [1, times].map((one) => ({ ...sized(one, 1), durationMs: lineOf(sized(one, 1)) }))
      // A part that brings nearer by less than two hundredths is not believed: between sizes that are close, that may be a seventh of the forecast.
      near(fitTimes(measured)!.at(sized(4, 1))!.durationMs, lineOf(sized(4, 1)), 0.15)
    }),
  )
})

const msOf = ({ bytes, files }: DataSize): number => 500 + bytes / 1e5 + 0.2 * files

test('fitTimes() tells files from bytes where the measurements do', () => {
  const sizes = [sized(100, 100), sized(120, 20_000), sized(300, 5000), sized(500, 40_000)]
  const fit = fitTimes(sizes.map((size) => ({ ...size, durationMs: msOf(size) })))!
  near(fit.at(sized(800, 100_000))!.durationMs, msOf(sized(800, 100_000)), 0.05)
  near(fit.msPerByte, 1e-5, 0.05)
  near(fit.msPerFile, 0.2, 0.05)
})

test('fitTimes() is moved little by one measurement among several that was disturbed', () => {
  const measured = [100, 150, 200, 250, 300].map((size, at) => ({
    ...sized(size, 10),
    durationMs: (20 + size) * (at === 3 ? 3 : 1),
  }))
  near(fitTimes(measured)!.at(sized(400, 10))!.durationMs, 420, 0.1)
})

test('fitTimes() of one measurement says what it is between: all of it fixed, and all of it growing', () => {
  const fit = fitTimes([{ ...sized(100, 10), durationMs: 1000 }])!
  const estimate = fit.at(sized(300, 20))!
  assert.deepEqual(
    Object.values(estimate).map((ms) => Math.round(ms)),
    [3000, 800, 3600],
  )
  const same = fitTimes([1, 1, 1, 1].map(() => ({ ...sized(100, 10), durationMs: 1000 })))!.at(sized(100, 10))!
  assert.deepEqual(
    Object.values(same).map((ms) => Math.round(ms)),
    [1000, 900, 1100],
  )
})

test('fitTimes() narrows the range as measurements of several sizes come', () => {
  const measured = [100, 200, 300, 400, 500].map((size) => ({ ...sized(size, 10), durationMs: 300 + size * 3 }))
  const widths = [1, 2, 5].map((count) => {
    const { leastMs, mostMs } = fitTimes(measured.slice(0, count))!.at(sized(400, 10))!
    return mostMs / leastMs
  })
  assert.ok(widths[0]! > widths[1]! && widths[1]! > widths[2]! && widths[2]! < 1.4, String(widths))
})

test('fitTimes() never forecasts less than nothing, nor far beyond what was measured, and its estimate is within its range', () => {
  const size = fc.record({ bytes: fc.integer({ min: 0, max: 1e9 }), files: fc.integer({ min: 0, max: 1e6 }) })
  const timed = fc
    .tuple(size, fc.integer({ min: 0, max: 1e8 }))
    .map(([one, durationMs]): TimedSize => ({ ...one, durationMs }))
  fc.assert(
    fc.property(fc.array(timed, { minLength: 1, maxLength: 10 }), size, (measured, wanted) => {
      const estimate = fitTimes(measured)!.at(wanted)
      const bytesMax = Math.max(...measured.map(({ bytes }) => bytes))
      assert.equal(estimate === undefined, wanted.bytes > reachMax * bytesMax)
      if (estimate === undefined) return
      const { durationMs, leastMs, mostMs } = estimate
      assert.ok(leastMs >= 0 && leastMs <= durationMs && durationMs <= mostMs, JSON.stringify(estimate))
    }),
  )
  assert.equal(fitTimes([]), undefined)
})

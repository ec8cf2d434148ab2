import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { sampleBackup, sampleId } from '../../../testing/backup-samples.ts'
import type { Proof } from '../run.ts'
import { growthOf } from './data-growth.ts'
import { type ForecastFacts, forecastRecovery } from './recovery-forecast.ts'
import { fitRestores, restoreMs } from './restore-fit.ts'

const now = new Date('2026-11-25T06:00:00Z')
const dayMs = 86_400_000
const hourMs = 3_600_000
const gigabyte = 1e9

test('fitRestores() finds the line that measurements lie on, and forecasts other sizes by it', () => {
  const positive = fc.double({ min: 1, max: 1e5, noNaN: true })
  fc.assert(
    fc.property(positive, positive, fc.double({ min: 1.3, max: 4, noNaN: true }), (fixedMs, rate, times) => {
      const bytes = 1e6
      const msOf = (size: number): number => fixedMs + (rate / 1e6) * size
      const measured = [bytes, bytes * times].map((size) => ({ bytes: size, durationMs: msOf(size) }))
      const forecast = restoreMs(fitRestores(measured)!, bytes * 4)!
      assert.ok(Math.abs(forecast / msOf(bytes * 4) - 1) < 1e-6)
    }),
  )
})

test('fitRestores() never forecasts less than nothing, and nothing far beyond what was measured', () => {
  const size = fc.integer({ min: 0, max: 1e9 })
  const measured = fc.array(fc.record({ bytes: size, durationMs: fc.integer({ min: 0, max: 1e8 }) }), { minLength: 1 })
  fc.assert(
    fc.property(measured, size, (all, bytes) => {
      const fit = fitRestores(all)!
      const forecast = restoreMs(fit, bytes)
      const bytesMax = Math.max(...all.map((one) => one.bytes))
      assert.equal(forecast === undefined, bytes > 4 * bytesMax)
      assert.ok(forecast === undefined || forecast >= 0)
    }),
  )
  assert.equal(fitRestores([]), undefined)
})

test('growthOf() is the slope through the sizes of the last ninety days, and nothing of too few', () => {
  const sized = (daysAgo: number, bytes: number) => ({ takenAt: new Date(now.getTime() - daysAgo * dayMs), bytes })
  const steady = [0, 7, 14, 21].map((days) => sized(days, 1000 - 10 * days))
  assert.ok(Math.abs(growthOf(steady, now)! - 10) < 1e-6)
  assert.equal(growthOf([...steady, sized(200, 1e9)], now), growthOf(steady, now))
  assert.equal(
    growthOf(
      [0, 1, 2].map((days) => sized(days, 1)),
      now,
    ),
    undefined,
  )
  assert.equal(
    growthOf(
      [0, 20].map((days) => sized(days, 1)),
      now,
    ),
    undefined,
  )
})

/** Two sources that grow by 1 GB a day each from 100 GB on; 1 GB takes a minute. */
function facts(changes: Partial<ForecastFacts> = {}): ForecastFacts {
  const backups = ['documents', 'main'].flatMap((source, index) =>
    [0, 7, 14, 21].map((days) =>
      sampleBackup({
        id: sampleId(100 * (index + 1) + days),
        source,
        takenAt: new Date(now.getTime() - days * dayMs),
        bytes: (100 - days) * gigabyte,
      }),
    ),
  )
  const proofs = backups
    .filter(({ takenAt }) => takenAt < now)
    .map(
      ({ id, source, bytes }): Proof => ({
        run: 'r',
        at: new Date(now.getTime() - hourMs),
        backup: id,
        source,
        location: 'secondary',
        outcome: 'equal',
        durationMs: (bytes / gigabyte) * 60_000,
      }),
    )
  return {
    sources: ['documents', 'main'],
    locations: ['primary', 'secondary'],
    backups,
    bytesOf: new Map(backups.map(({ id, bytes }) => [id, bytes])),
    proofs,
    serviceMs: {},
    withServices: new Set(),
    logs: [],
    setUpMs: 60_000,
    recoveryTimeMs: 4 * hourMs,
    now,
    ...changes,
  }
}

test('forecastRecovery() adds up the sources, their services and the rest of a drill, and tells when growth breaks the objective', () => {
  const [primary, secondary] = forecastRecovery(facts({ serviceMs: { main: 120_000 } }))
  assert.equal(primary!.durationMs, undefined)
  assert.deepEqual(primary!.unknown, ['documents: not measured', 'main: not measured'])
  // 100 min twice, 2 min, 1 min; 37 minutes are left, and every day takes 2.
  assert.equal(Math.round(secondary!.durationMs! / 60_000), 203)
  assert.equal(Math.round((secondary!.breachAt!.getTime() - now.getTime()) / dayMs), 19)
  assert.deepEqual(secondary!.unknown, [])
})

test('forecastRecovery() tells a breach of today, and names what nobody measured', () => {
  const [, today] = forecastRecovery(facts({ recoveryTimeMs: 3 * hourMs, setUpMs: undefined }))
  assert.deepEqual([today!.breachAt, Math.round(today!.durationMs! / 60_000)], [now, 200])
  assert.deepEqual(today!.unknown, ['what is to be done before the first source: no drill was held'])

  const logs = [{ source: 'main', location: 'secondary' } as const]
  const [, lacking] = forecastRecovery(
    facts({ logs, withServices: new Set(['documents', 'main']), serviceMs: { main: 1 } }),
  )
  assert.deepEqual(lacking!.unknown, [
    'documents: its services and validations (not measured)',
    'main: replay of its log (not measured)',
  ])

  const { proofs, backups } = facts()
  const old = proofs.map((proof) => ({ ...proof, at: new Date(now.getTime() - 366 * dayMs) }))
  assert.equal(forecastRecovery(facts({ proofs: old }))[1]!.durationMs, undefined)
  const failed = proofs.map((proof) => ({ ...proof, outcome: 'different' as const }))
  assert.equal(forecastRecovery(facts({ proofs: failed }))[1]!.durationMs, undefined)
  const grown = backups.map((backup) => (backup.takenAt < now ? backup : { ...backup, bytes: 1000 * gigabyte }))
  assert.match(forecastRecovery(facts({ backups: grown }))[1]!.unknown[0]!, /documents: not known: it has outgrown/)
  assert.equal(forecastRecovery(facts({ backups: [] }))[1]!.sources[0]!.unknown, 'no backup')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleBackup, sampleId } from '../../../testing/backup-samples.ts'
import type { Proof } from '../run.ts'
import { growthOf } from './data-growth.ts'
import { type ForecastFacts, forecastRecovery } from './recovery-forecast.ts'

const now = new Date('2026-11-25T06:00:00Z')
const dayMs = 86_400_000
const hourMs = 3_600_000
const gigabyte = 1e9

test('growthOf() is the slope through the sizes of the last ninety days, and nothing of too few', () => {
  const sized = (daysAgo: number, bytes: number) => {
    return { takenAt: new Date(now.getTime() - daysAgo * dayMs), bytes, files: 2 * bytes }
  }
  const steady = [0, 7, 14, 21].map((days) => sized(days, 1000 - 10 * days))
  const { bytes, files } = growthOf(steady, now)!
  assert.ok(Math.abs(bytes - 10) < 1e-6 && Math.abs(files - 20) < 1e-6)
  assert.deepEqual(growthOf([...steady, sized(200, 1e9)], now), growthOf(steady, now))
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
    sizesOf: new Map(backups.map(({ id, bytes, files }) => [id, { bytes, files }])),
    proofs,
    serviceMs: {},
    withServices: new Set(),
    logs: [],
    replays: [],
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

  const logs = [{ source: 'main', location: 'secondary', bytes: 1e9 } as const]
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

function log(bytes: number | undefined): ForecastFacts['logs'] {
  return [{ source: 'main', location: 'secondary', bytes }]
}

function replay(
  bytes: number,
  minutes: number,
  at = new Date(now.getTime() - hourMs),
): ForecastFacts['replays'][number] {
  return { source: 'main', at, bytes, durationMs: minutes * 60_000 }
}

test('forecastRecovery() adds the replay of the log, by replays that were measured; one that is much longer is not known', () => {
  const replays = [replay(1e9, 3), replay(3e9, 7), { ...replay(1e9, 900), source: 'documents' }]
  const mainOf = (changes: Partial<ForecastFacts>) => forecastRecovery(facts({ replays, ...changes }))[1]!.sources[1]!
  const found = mainOf({ logs: log(5e9) })
  assert.deepEqual(found.lacks, [])
  assert.deepEqual([Math.round(found.replay!.durationMs / 60_000), found.replay!.bytes], [11, 5e9])
  assert.equal(Math.round(found.durationMs! / 60_000), 111)
  assert.ok(found.range!.leastMs < found.durationMs! && found.range!.mostMs > found.durationMs!)

  for (const changes of [
    { logs: log(13e9) },
    { logs: log(undefined) },
    { logs: log(5e9), replays: [] },
    { logs: log(5e9), replays: [replay(1e9, 3, new Date(now.getTime() - 400 * dayMs))] },
  ]) {
    const unknown = mainOf(changes)
    assert.deepEqual(unknown.lacks, ['replay of its log'])
    assert.deepEqual([unknown.replay, Math.round(unknown.durationMs! / 60_000)], [undefined, 100])
  }
  assert.deepEqual(mainOf({}).replay, undefined)
})

test('forecastRecovery() says what it is between, widely where one restore was measured', () => {
  const { proofs } = facts()
  const [, several] = forecastRecovery(facts())
  const newest = new Map(proofs.map((proof) => [proof.source, proof]))
  const grown = facts().backups.map((backup) => (backup.takenAt < now ? backup : { ...backup, bytes: 200 * gigabyte }))
  const [, one] = forecastRecovery(facts({ proofs: [...newest.values()], backups: grown }))
  const width = ({ range }: typeof one & {}) => range!.mostMs / range!.leastMs
  assert.ok(width(several!) < 1.6 && width(one!) > 2.5, `${width(several!)} and ${width(one!)}`)
  assert.ok(one!.range!.leastMs <= one!.durationMs! && one!.durationMs! <= one!.range!.mostMs)
})

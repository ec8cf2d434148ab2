import type { Backup } from '../backup.ts'
import type { Id } from '../id.ts'
import type { LocationName } from '../policy/policy.ts'
import type { Proof, RestorePhases } from '../run.ts'
import { growthOf } from './data-growth.ts'
import { type SourceRates, sourceRates } from './source-rates.ts'

const dayMs = 86_400_000
const yearMs = 365 * dayMs
/** Measurements of a year, and of them the newest so many: machines and data change. */
const measurementsMax = 10
/** A date further off than this is no news. */
const horizonDays = 3650

/** What a forecast is drawn from. */
export interface ForecastFacts {
  readonly sources: readonly string[]
  readonly locations: readonly LocationName[]
  /** Of this environment, in any location. */
  readonly backups: readonly Backup[]
  /** The sizes of all backups on record, those that retention removed included. */
  readonly bytesOf: ReadonlyMap<Id, number>
  readonly proofs: readonly Proof[]
  /** What stopping and starting the services of a source and validating it took, by source; absent where never measured. */
  readonly serviceMs: Readonly<Record<string, number>>
  /** Sources that have services to stop and start, or validations. */
  readonly withServices: ReadonlySet<string>
  /** Where a source is recovered by its log, which is replayed after the restore. */
  readonly logs: readonly { readonly source: string; readonly location: LocationName }[]
  /** What a drill took besides restoring the sources; undefined where none was held. */
  readonly setUpMs: number | undefined
  readonly recoveryTimeMs: number
  readonly now: Date
}

/** How long a restore of one source from one location would take today. */
export interface SourceForecast {
  readonly source: string
  readonly location: LocationName
  /** What the newest complete backup holds; undefined where there is none. */
  readonly bytes: number | undefined
  readonly durationMs: number | undefined
  /** Where that goes; undefined where no restore had its phases timed. */
  readonly phases: RestorePhases | undefined
  /** How many restores it is drawn from. */
  readonly measurements: number
  /** Why there is no duration: "not measured". */
  readonly unknown: string | undefined
  /** What comes on top of the duration and was not measured. */
  readonly lacks: readonly string[]
}

/** How long it would take today to restore everything from one location, one source after the other. */
export interface RecoveryForecast {
  readonly location: LocationName
  /** Undefined where a source could not be forecast. */
  readonly durationMs: number | undefined
  /** When growth will make it longer than the policy allows; undefined where it will not within ten years, or is not known. */
  readonly breachAt: Date | undefined
  /** Sentences: what is not in it. */
  readonly unknown: readonly string[]
  readonly sources: readonly SourceForecast[]
}

/**
 * The recovery time of today's data from each location, drawn from restores that were carried out and found equal: of each
 * source a line through size and duration, with the time of its services, one after the other, and what a drill took
 * besides. What nobody measured is not guessed: it is named.
 */
export function forecastRecovery(facts: ForecastFacts): readonly RecoveryForecast[] {
  return facts.locations.map((location) => forecastFrom(location, facts))
}

function forecastFrom(location: LocationName, facts: ForecastFacts): RecoveryForecast {
  const { setUpMs, serviceMs, now, recoveryTimeMs } = facts
  const parts = facts.sources.map((source) => forecastSource(source, location, facts))
  const sources = parts.map(({ forecast }) => forecast)
  const unknown = [
    ...sources.flatMap((one) => (one.unknown === undefined ? [] : [`${one.source}: ${one.unknown}`])),
    ...sources.flatMap(({ source, durationMs, lacks }) =>
      durationMs === undefined ? [] : lacks.map((lack) => `${source}: ${lack} (not measured)`),
    ),
    ...(setUpMs === undefined ? ['what is to be done before the first source: no drill was held'] : []),
  ]
  if (sources.length === 0 || sources.some(({ durationMs }) => durationMs === undefined)) {
    return { location, durationMs: undefined, breachAt: undefined, unknown, sources }
  }
  const services = facts.sources.reduce((sum, source) => sum + (serviceMs[source] ?? 0), 0)
  const durationMs = sources.reduce((sum, one) => sum + one.durationMs!, 0) + services + (setUpMs ?? 0)
  const growthMs = parts.reduce((sum, { growthMsPerDay }) => sum + growthMsPerDay, 0)
  const days = durationMs >= recoveryTimeMs ? 0 : (recoveryTimeMs - durationMs) / growthMs
  const breachAt = growthMs > 0 && days <= horizonDays ? new Date(now.getTime() + days * dayMs) : undefined
  const isLong = durationMs >= recoveryTimeMs
  return { location, durationMs, breachAt: isLong ? now : breachAt, unknown, sources }
}

function forecastSource(
  source: string,
  location: LocationName,
  facts: ForecastFacts,
): { readonly forecast: SourceForecast; readonly growthMsPerDay: number } {
  const complete = facts.backups
    .filter((backup) => backup.source === source && backup.gaps === 0 && backup.takenAt <= facts.now)
    .toSorted((a, b) => b.takenAt.getTime() - a.takenAt.getTime())
  const bytes = complete[0]?.bytes
  const rates = ratesOf(source, location, facts)
  const measurements = rates?.measurements ?? 0
  const common = { source, location, bytes, measurements, lacks: lacksOf(source, location, facts) }
  const without = (unknown: string): { forecast: SourceForecast; growthMsPerDay: number } => ({
    forecast: { ...common, durationMs: undefined, phases: undefined, unknown },
    growthMsPerDay: 0,
  })
  if (bytes === undefined) return without('no backup')
  if (rates === undefined) return without('not measured')
  const forecast = rates.forecast(bytes)
  if (forecast === undefined) return without('not known: it has outgrown the measured restores')
  const growth = growthOf(complete, facts.now) ?? 0
  return { forecast: { ...common, ...forecast, unknown: undefined }, growthMsPerDay: growth * rates.msPerByte }
}

/** What nobody measured is named, never taken to be nothing. */
function lacksOf(source: string, location: LocationName, { withServices, serviceMs, logs }: ForecastFacts): string[] {
  const isReplayed = logs.some((log) => log.source === source && log.location === location)
  return [
    ...(isReplayed ? ['replay of its log'] : []),
    ...(withServices.has(source) && serviceMs[source] === undefined ? ['its services and validations'] : []),
  ]
}

function ratesOf(
  source: string,
  location: LocationName,
  { proofs, bytesOf, now }: ForecastFacts,
): SourceRates | undefined {
  const measured = proofs
    .filter((proof) => proof.source === source && proof.location === location && proof.outcome === 'equal')
    .filter(({ at }) => at <= now && now.getTime() - at.getTime() <= yearMs)
    .toSorted((a, b) => b.at.getTime() - a.at.getTime())
    .flatMap(({ backup, durationMs, phases }) => {
      const bytes = bytesOf.get(backup)
      return bytes === undefined ? [] : [{ bytes, durationMs, phases }]
    })
  return sourceRates(measured.slice(0, measurementsMax))
}

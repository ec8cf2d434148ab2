import type { Backup } from '../backup.ts'
import type { Id } from '../id.ts'
import type { LocationName } from '../policy/policy.ts'
import type { Proof, RestorePhases } from '../run.ts'
import { growthOf } from './data-growth.ts'
import type { MeasuredReplay } from './measured-times.ts'
import { type SourceRates, sourceRates, sumOf } from './source-rates.ts'
import { type DataSize, fitTimes, type TimeEstimate } from './time-fit.ts'

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
  readonly sizesOf: ReadonlyMap<Id, DataSize>
  readonly proofs: readonly Proof[]
  /** What stopping and starting the services of a source and validating it took, by source; absent where never measured. */
  readonly serviceMs: Readonly<Record<string, number>>
  /** Sources that have services to stop and start, or validations. */
  readonly withServices: ReadonlySet<string>
  /**
   * Where a source is recovered by its log, which is replayed after the restore, and how much of it there is to replay as far as
   * that is known.
   */
  readonly logs: readonly {
    readonly source: string
    readonly location: LocationName
    readonly bytes: number | undefined
  }[]
  /** Replays that were carried out, of log from wherever it is stored. */
  readonly replays: readonly MeasuredReplay[]
  /** What a drill took besides restoring the sources; undefined where none was held. */
  readonly setUpMs: number | undefined
  readonly recoveryTimeMs: number
  readonly now: Date
}

/** The shortest and the longest that a duration may be. */
export interface TimeRange {
  readonly leastMs: number
  readonly mostMs: number
}

/** How long a restore of one source from one location would take today. */
export interface SourceForecast {
  readonly source: string
  readonly location: LocationName
  /** What the newest complete backup holds; undefined where there is none. */
  readonly bytes: number | undefined
  readonly durationMs: number | undefined
  /** What it is between, as far as the measurements tell. */
  readonly range: TimeRange | undefined
  /** Where that goes, but for the replay; undefined where no restore had its phases timed. */
  readonly phases: RestorePhases | undefined
  /** What replaying the log takes, within the duration, and how much log that is; undefined where none is replayed, or that was not measured. */
  readonly replay: { readonly durationMs: number; readonly bytes: number } | undefined
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
  /** Few measurements, or measurements of other sizes than today's, leave it wide. */
  readonly range: TimeRange | undefined
  /** When growth will make it longer than the policy allows; undefined where it will not within ten years, or is not known. */
  readonly breachAt: Date | undefined
  /** Sentences: what is not in it. */
  readonly unknown: readonly string[]
  readonly sources: readonly SourceForecast[]
}

/**
 * The recovery time of today's data from each location, drawn from restores that were carried out and found equal: of each
 * source what its size takes, the replay of its log and its services, one after the other, and what a drill took besides. What nobody
 * measured is not guessed: it is named. What few measured is told as a range.
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
  const estimates = parts.flatMap(({ estimate }) => estimate ?? [])
  if (sources.length === 0 || estimates.length < sources.length) {
    return { location, durationMs: undefined, range: undefined, breachAt: undefined, unknown, sources }
  }
  const services = facts.sources.reduce((sum, source) => sum + (serviceMs[source] ?? 0), 0)
  const besides = services + (setUpMs ?? 0)
  const { durationMs, ...range } = sumOf([...estimates, { durationMs: besides, leastMs: besides, mostMs: besides }])
  const growthMs = parts.reduce((sum, { growthMsPerDay }) => sum + growthMsPerDay, 0)
  const days = durationMs >= recoveryTimeMs ? 0 : (recoveryTimeMs - durationMs) / growthMs
  const breachAt = growthMs > 0 && days <= horizonDays ? new Date(now.getTime() + days * dayMs) : undefined
  const isLong = durationMs >= recoveryTimeMs
  return { location, durationMs, range, breachAt: isLong ? now : breachAt, unknown, sources }
}

interface ForecastPart {
  readonly forecast: SourceForecast
  readonly estimate: TimeEstimate | undefined
  readonly growthMsPerDay: number
}

function forecastSource(source: string, location: LocationName, facts: ForecastFacts): ForecastPart {
  const complete = facts.backups
    .filter((backup) => backup.source === source && backup.gaps === 0 && backup.takenAt <= facts.now)
    .toSorted((a, b) => b.takenAt.getTime() - a.takenAt.getTime())
  const [newest] = complete
  const rates = ratesOf(source, location, facts)
  const replay = replayOf(source, location, facts)
  const common = {
    source,
    location,
    bytes: newest?.bytes,
    measurements: rates?.measurements ?? 0,
    replay: replay.told,
    lacks: [...replay.lacks, ...servicesLacking(source, facts)],
  }
  const without = (unknown: string): ForecastPart => ({
    forecast: { ...common, durationMs: undefined, range: undefined, phases: undefined, unknown },
    estimate: undefined,
    growthMsPerDay: 0,
  })
  if (newest === undefined) return without('no backup')
  if (rates === undefined) return without('not measured')
  const restore = rates.forecast(newest)
  if (restore === undefined) return without('not known: it has outgrown the measured restores')
  const { phases, ...restoring } = restore
  const estimate = replay.estimate === undefined ? restoring : sumOf([restoring, replay.estimate])
  const { durationMs, ...range } = estimate
  const growth = growthOf(complete, facts.now) ?? { bytes: 0, files: 0 }
  return {
    forecast: { ...common, durationMs, range, phases, unknown: undefined },
    estimate,
    growthMsPerDay: growth.bytes * rates.msPerByte + growth.files * rates.msPerFile,
  }
}

/** What nobody measured is named, never taken to be nothing. */
function servicesLacking(source: string, { withServices, serviceMs }: ForecastFacts): string[] {
  return withServices.has(source) && serviceMs[source] === undefined ? ['its services and validations'] : []
}

interface ReplayForecast {
  readonly estimate: TimeEstimate | undefined
  readonly told: SourceForecast['replay']
  readonly lacks: readonly string[]
}

/** The log that is replayed to come from the backup to now. Much more than was ever replayed is not known. */
function replayOf(source: string, location: LocationName, { logs, replays, now }: ForecastFacts): ReplayForecast {
  const none = { estimate: undefined, told: undefined, lacks: [] }
  const log = logs.find((one) => one.source === source && one.location === location)
  if (log === undefined) return none
  const measured = replays
    .filter((replay) => replay.source === source && isOfLastYear(replay.at, now))
    .slice(-measurementsMax)
    .map(({ bytes, durationMs }) => ({ bytes, files: 0, durationMs }))
  const { bytes } = log
  const estimate = bytes === undefined ? undefined : fitTimes(measured)?.at({ bytes, files: 0 })
  if (bytes === undefined || estimate === undefined) return { ...none, lacks: ['replay of its log'] }
  return { estimate, told: { durationMs: estimate.durationMs, bytes }, lacks: [] }
}

function isOfLastYear(at: Date, now: Date): boolean {
  return at <= now && now.getTime() - at.getTime() <= yearMs
}

function ratesOf(
  source: string,
  location: LocationName,
  { proofs, sizesOf, now }: ForecastFacts,
): SourceRates | undefined {
  const measured = proofs
    .filter((proof) => proof.source === source && proof.location === location && proof.outcome === 'equal')
    .filter(({ at }) => isOfLastYear(at, now))
    .toSorted((a, b) => b.at.getTime() - a.at.getTime())
    .flatMap(({ backup, durationMs, phases }) => {
      const size = sizesOf.get(backup)
      return size === undefined ? [] : [{ bytes: size.bytes, files: size.files, durationMs, phases }]
    })
  return sourceRates(measured.slice(0, measurementsMax))
}

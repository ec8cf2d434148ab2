import type { Backup } from '../backup.ts'
import { countScheduled, firstBackupDue } from '../count-scheduled.ts'
import type { ScheduledCounts } from '../count-scheduled.ts'
import type { Id } from '../id.ts'
import { type DueTime, latestDueTimes } from '../policy/due-times.ts'
import type { LocationName } from '../policy/policy.ts'
import { locationsOf } from '../policy/resolve-policy.ts'
import { forecastRecovery, type RecoveryForecast } from '../objectives/recovery-forecast.ts'
import { recoveryPoint, type RecoveryPoint } from '../objectives/recovery-points.ts'
import type { Run } from '../run.ts'
import { refutedBackups } from '../retention.ts'
import { logBytesSince } from '../wal-stand.ts'
import type { StatusFacts } from './status-facts.ts'

const dayMs = 86_400_000

/** What is due at a minute may take so long until it counts as missed. */
export const graceMs = 3_600_000
/** The same for what is due once a week, a month or a year. */
export const longGraceMs = dayMs
/** Timers and clocks are not exact: what was taken so little before it was due was taken then. */
export const earlyMs = 60_000

/** The facts, arranged for the questions of the clauses. */
export interface StatusView {
  readonly facts: StatusFacts
  readonly now: Date
  /** Since when anything was under the policy. */
  readonly since: Date
  readonly sources: readonly SourceView[]
  /** The backup that is due next. */
  readonly nextDue: DueTime | undefined
  /** Locations that the environment must have. */
  readonly locations: readonly LocationName[]
  readonly copiesOf: ReadonlyMap<Id, ReadonlySet<LocationName>>
  /** From each location, in their order. */
  readonly forecasts: readonly RecoveryForecast[]
}

/** One that was taken at `from` or later must be there by `by`; undefined where any will do, since none was due before. */
export interface RequiredBackup {
  readonly from: Date | undefined
  readonly by: Date
}

export interface SourceView {
  readonly name: string
  readonly kind: StatusFacts['policy']['sources'][string]['kind']
  readonly since: Date
  /** Taken up to now, newest first: what bears a date in the future proves nothing today. */
  readonly backups: readonly Backup[]
  /** Those of them without gaps, and not found different from what was backed up when they were restored last. */
  readonly complete: readonly Backup[]
  /** Up to when it can be recovered from each location that the environment must have, in their order. */
  readonly points: readonly RecoveryPoint[]
  /** A backup run for it that is going on. */
  readonly running: Run | undefined
  /** What must be there of fulls, and of backups of either kind. */
  readonly required: Readonly<Record<'full' | 'any', RequiredBackup>>
  /** How many were due so far, counted up to what the policy keeps. */
  readonly scheduled: ScheduledCounts
}

export function viewFacts(facts: StatusFacts): StatusView {
  const copiesOf = new Map<Id, Set<LocationName>>()
  for (const { backup, location } of facts.copies) {
    const known = copiesOf.get(backup) ?? new Set()
    copiesOf.set(backup, known.add(location))
  }
  const latest = latestDueTimes(facts.policy, facts.now).filter(({ procedure }) => procedure === 'backup')
  const locations = locationsOf(facts.policy).map(({ name }) => name)
  const shared = { latest, locations, copiesOf }
  const sources = Object.keys(facts.policy.sources).map((name) => viewSource(name, facts, shared))
  const { backups, sizesOf, proofs, replays, walStands, serviceMs, setUpMs, now } = facts
  const forecastFacts = { backups, sizesOf, proofs, replays, serviceMs, setUpMs, now, locations }
  const ofSource = Object.entries(facts.policy.sources)
  return {
    facts,
    now: facts.now,
    since: earliest([facts.policySince ?? facts.now, ...sources.map((source) => source.since)]),
    nextDue: firstBackupDue(facts.policy, facts.now),
    sources,
    locations,
    copiesOf,
    forecasts: forecastRecovery({
      ...forecastFacts,
      sources: sources.map(({ name }) => name),
      withServices: new Set(
        ofSource.filter(([, one]) => one.services.length + one.validations.length > 0).map(([name]) => name),
      ),
      logs: sources.flatMap(({ name, points }) =>
        points.flatMap(({ by, location, backup }) => {
          if (by !== 'log' || backup === undefined) return []
          const stand = walStands.find((one) => one.source === name && one.location === location)
          return [{ source: name, location, bytes: stand && logBytesSince(stand, backup.takenAt) }]
        }),
      ),
      recoveryTimeMs: facts.policy.objectives.recoveryTime,
    }),
  }
}

function earliest(times: readonly (Date | undefined)[]): Date {
  return new Date(Math.min(...times.map((time) => time?.getTime() ?? Infinity)))
}

interface ViewParts extends Pick<StatusView, 'locations' | 'copiesOf'> {
  /** Of backups. */
  readonly latest: ReturnType<typeof latestDueTimes>
}

function viewSource(name: string, facts: StatusFacts, { latest, locations, copiesOf }: ViewParts): SourceView {
  const { policy, now } = facts
  const backups = facts.backups
    .filter(({ source, takenAt }) => source === name && takenAt <= now)
    .toSorted((a, b) => b.takenAt.getTime() - a.takenAt.getTime())
  // Where the record is younger than a backup, the record was lost: the backup tells the truth.
  const since = earliest([facts.sourcesSince[name] ?? facts.policySince ?? now, backups.at(-1)?.takenAt])
  // The first backup of a source is a full, whatever the day; it is due when the first backup is, and may come before.
  const first = firstBackupDue(policy, since)?.at ?? since
  const required = (kinds: readonly string[]): RequiredBackup => {
    const times = latest.filter(({ kind, at }) => kind !== undefined && kinds.includes(kind) && at > since)
    if (times.length === 0) return { from: undefined, by: first }
    const by = new Date(Math.max(...times.map(({ at }) => at.getTime())))
    return { from: new Date(by.getTime() - earlyMs), by }
  }
  const { walStands, proofs } = facts
  const refuted = refutedBackups(proofs.filter(({ at }) => at <= now))
  const complete = backups.filter(({ id, gaps }) => gaps === 0 && !refuted.has(id))
  const pointFacts = { source: name, complete, copiesOf, walStands, proofs, now }
  return {
    name,
    kind: policy.sources[name]!.kind,
    since,
    backups,
    complete,
    points: locations.map((location) => recoveryPoint(location, pointFacts)),
    running: facts.runs.find(
      (run) =>
        run.state === 'running' && run.procedure === 'backup' && (run.source === name || run.source === undefined),
    ),
    required: { full: required(['full']), any: required(['full', 'incremental']) },
    scheduled: countScheduled(policy, since, new Date(now.getTime() - graceMs)),
  }
}

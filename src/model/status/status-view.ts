import type { Backup } from '../backup.ts'
import type { Id } from '../id.ts'
import { type DueTime, dueTimes, latestDueTimes } from '../policy/due-times.ts'
import { timeOfDayMs } from '../policy/backup-gap.ts'
import { type LocationName, weekdays } from '../policy/policy.ts'
import { locationsOf } from '../policy/resolve-policy.ts'
import type { Run } from '../run.ts'
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
  readonly sources: readonly SourceView[]
  /** The backup that is due next. */
  readonly nextDue: DueTime | undefined
  /** Locations that the environment must have. */
  readonly locations: readonly LocationName[]
  readonly copiesOf: ReadonlyMap<Id, ReadonlySet<LocationName>>
}

export interface SourceView {
  readonly name: string
  readonly kind: StatusFacts['policy']['sources'][string]['kind']
  readonly since: Date
  /** Taken up to now, newest first: what bears a date in the future proves nothing today. */
  readonly backups: readonly Backup[]
  /** Those of them without gaps. */
  readonly complete: readonly Backup[]
  /** A backup run for it that is going on. */
  readonly running: Run | undefined
  /** The time from which a full must be there, and a backup of either kind: the last due ones, or the first to come. */
  readonly required: Readonly<Record<'full' | 'any', Date>>
  /** How many were due so far, counted up to what the policy keeps. */
  readonly scheduled: Readonly<Record<'full' | 'incremental', number>>
}

export function viewFacts(facts: StatusFacts): StatusView {
  const copiesOf = new Map<Id, Set<LocationName>>()
  for (const { backup, location } of facts.copies) {
    const known = copiesOf.get(backup) ?? new Set()
    copiesOf.set(backup, known.add(location))
  }
  const latest = latestDueTimes(facts.policy, facts.now).filter(({ procedure }) => procedure === 'backup')
  return {
    facts,
    now: facts.now,
    nextDue: firstBackupDue(facts.policy, facts.now),
    sources: Object.keys(facts.policy.sources).map((name) => viewSource(name, facts, latest)),
    locations: locationsOf(facts.policy).map(({ name }) => name),
    copiesOf,
  }
}

/** Verifications and tests may come before it, but not so many. */
function firstBackupDue(policy: StatusFacts['policy'], after: Date): DueTime | undefined {
  return dueTimes(policy, after, 10).find(({ procedure }) => procedure === 'backup')
}

type LatestDue = ReturnType<typeof latestDueTimes>

function viewSource(name: string, facts: StatusFacts, latest: LatestDue): SourceView {
  const { policy, now } = facts
  const since = facts.sourcesSince[name] ?? facts.policySince ?? now
  const backups = facts.backups
    .filter(({ source, takenAt }) => source === name && takenAt <= now)
    .toSorted((a, b) => b.takenAt.getTime() - a.takenAt.getTime())
  // The first backup of a source is a full, whatever the day; it is due when the first backup is.
  const first = firstBackupDue(policy, since)?.at ?? since
  const lastOf = (kinds: readonly string[]): Date =>
    latest
      .filter(({ kind, at }) => kind !== undefined && kinds.includes(kind) && at > since)
      .reduce((last, { at }) => (at > last ? at : last), first)
  return {
    name,
    kind: policy.sources[name]!.kind,
    since,
    backups,
    complete: backups.filter(({ gaps }) => gaps === 0),
    running: facts.runs.find(
      (run) =>
        run.state === 'running' && run.procedure === 'backup' && (run.source === name || run.source === undefined),
    ),
    required: { full: lastOf(['full']), any: lastOf(['full', 'incremental']) },
    scheduled: countScheduled(policy.schedule, since, first, new Date(now.getTime() - graceMs)),
  }
}

/**
 * Due times after `since` up to `until`, of each kind, no more than are kept. What was due at `first` is a full, whatever
 * the day, so incrementals count from then on.
 */
function countScheduled(
  { full, incremental }: StatusFacts['policy']['schedule'],
  since: Date,
  first: Date,
  until: Date,
): SourceView['scheduled'] {
  const count = (after: Date, time: string, copies: number, isDay: (day: number) => boolean): number => {
    const midnight = Math.floor(after.getTime() / dayMs) * dayMs
    let found = 0
    for (let at = midnight + timeOfDayMs(time); at <= until.getTime() && found < copies; at += dayMs) {
      if (at > after.getTime() && isDay(new Date(at).getUTCDay())) found += 1
    }
    return found
  }
  const fullDay = weekdays.indexOf(full.day)
  return {
    full: count(since, full.time, full.retention.copies, (day) => day === fullDay),
    incremental: count(first, incremental.time, incremental.retention.copies, (day) => day !== fullDay),
  }
}

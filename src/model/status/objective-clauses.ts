import { formatAge, formatDay, formatMinute, formatSpanRange } from '../age.ts'
import type { Backup } from '../backup.ts'
import type { RecoveryForecast } from '../objectives/recovery-forecast.ts'
import type { RecoveryPoint } from '../objectives/recovery-points.ts'
import { formatDuration } from '../policy/duration.ts'
import { yearAfter } from './calendar.ts'
import { clauseOf } from './clause-status.ts'
import type { ClauseStatus, Finding } from './clause-status.ts'
import { countOf, mention } from './mention.ts'
import { failedFindings } from './run-findings.ts'
import { earlyMs, graceMs } from './status-view.ts'
import type { SourceView, StatusView } from './status-view.ts'

const objectives = 'Recovery Objectives'

/** A forecast that breaks the objective within so long is an alarm. */
const alarmMs = 60 * 86_400_000

export function recoveryTimeClause(view: StatusView): ClauseStatus {
  const forecasts = view.forecasts.map((forecast) => forecastFinding(forecast, view))
  return clauseOf(objectives, 'Recovery time (RTO)', [
    ...interruptedFindings(view),
    recoveryTimeFinding(view),
    ...forecasts,
  ])
}

/** A restore that stands still keeps what depends on it waiting. */
function interruptedFindings({ facts }: StatusView): Finding[] {
  return facts.interrupted.map(({ run, since, stopped }) => ({
    state: stopped.length > 0 ? 'breached' : 'due',
    evidence:
      `run ${run} of ${formatMinute(since)} did not end` +
      (stopped.length === 0 ? '' : `; stopped and not started again: ${stopped.join(', ')}`),
    remedy: `zakops-backup procedure resume ${run} (or roll-back)`,
  }))
}

/** Where too little was measured for one, that is said and judges nothing: the finding beside it says what was. */
function forecastFinding(
  { location, durationMs, range, breachAt, unknown }: RecoveryForecast,
  view: StatusView,
): Finding {
  const target = view.facts.policy.objectives.recoveryTime
  if (durationMs === undefined) {
    const evidence = `no forecast from the ${location} location: ${unknown.join('; ')}`
    return { state: 'not applicable', evidence }
  }
  const without = unknown.length === 0 ? '' : ` (not in it: ${unknown.join('; ')})`
  const today = `forecast for all of today's data from the ${location} location: ${formatSpanRange(durationMs, range)}${without}; target ${hoursOf(target)}`
  const remedy = 'zakops-backup procedure run recovery-drill, then mend what takes longest'
  if (durationMs > target) return { state: 'breached', evidence: today, remedy }
  if (breachAt === undefined || breachAt.getTime() - view.now.getTime() > alarmMs) {
    return { state: 'met', evidence: today }
  }
  const evidence = `${today}; as the data grows, it will be longer than that from ${formatDay(breachAt)} on`
  return { state: 'due', evidence, remedy }
}

/** The slowest restore and drill of the last year, against the target. */
function recoveryTimeFinding({ facts, now }: StatusView): Finding {
  const target = facts.policy.objectives.recoveryTime
  const measured = [
    ...facts.proofs.map(({ at, durationMs, source, run }) => ({
      at,
      durationMs,
      what: `restore of ${source}, run ${run}`,
    })),
    ...facts.drills.map(({ at, durationMs }) => ({ at, durationMs, what: 'recovery drill' })),
  ].filter(({ at }) => at <= now && yearAfter(at) > now)
  const [slowest] = measured.toSorted((a, b) => b.durationMs - a.durationMs)
  if (slowest === undefined) {
    return { state: 'not yet', evidence: `no restore was timed within a year; the target is ${hoursOf(target)}` }
  }
  const { durationMs, what, at } = slowest
  const evidence = `slowest within a year: ${formatAge(durationMs)} (${what}, ${formatDay(at)}); target ${hoursOf(target)}`
  if (durationMs <= target) return { state: 'met', evidence }
  return { state: 'breached', evidence, remedy: 'zakops-backup procedure run recovery-drill' }
}

export function recoveryPointClause(view: StatusView): ClauseStatus {
  const findings = view.sources.map((source) => recoveryPointFinding(source, view))
  const gaps = view.sources.flatMap((source) => gapFindings(source))
  return clauseOf(objectives, 'Recovery point (RPO)', [
    ...findings,
    ...gaps,
    ...failedFindings(view, ['backup']),
    ...emptyFindings(view),
    ...clockFindings(view),
  ])
}

/** A gap breaks what the log is kept for, however young the newest snapshot is. */
function gapFindings({ name, points, running }: SourceView): Finding[] {
  return points.flatMap(({ location, gap }): Finding[] => {
    if (gap === undefined) return []
    const [from, until] = [formatMinute(gap.from), formatMinute(gap.until)]
    const found = `${name}: the log at the ${location} location lacks what was written between ${from} and ${until}`
    const evidence = `${found}: no recovery to a later time before a new snapshot is taken`
    const remedy = `zakops-backup backup ${name}`
    if (running === undefined) return [{ state: 'breached', evidence, remedy }]
    return [{ state: 'due', evidence: `${evidence}; run ${running.id} is taking one`, remedy }]
  })
}

/** A folder that nothing is mounted on backs up well, every day, until the last backup that held something has expired. */
function emptyFindings({ sources }: StatusView): Finding[] {
  return sources.flatMap(({ name, kind, complete }): Finding[] => {
    const [newest] = complete
    if (kind !== 'files' || newest === undefined || newest.files > 0) return []
    const full = complete.find(({ files }) => files > 0)
    if (full === undefined) return []
    const evidence = `${name}: ${mention(newest)} holds no file, ${mention(full)} held ${countOf(full.files, 'file')}: is it mounted?`
    return [{ state: 'due', evidence, remedy: `zakops-backup restore ${name} ${full.id.slice(0, 8)} --to FOLDER` }]
  })
}

/** Either a clock was wrong when they were taken, or it is wrong now: then no age here is true. */
function clockFindings({ facts, now }: StatusView): Finding[] {
  const future = facts.backups.filter(({ takenAt }) => takenAt.getTime() > now.getTime() + earlyMs)
  const [latest] = future.toSorted((a, b) => b.takenAt.getTime() - a.takenAt.getTime())
  if (latest === undefined) return []
  const evidence = `${countOf(future.length, 'backup')} from the future, by the clock of now, up to ${mention(latest)}`
  return [{ state: 'due', evidence, remedy: 'set the clock of this machine, then: zakops-backup status' }]
}

/** The newest complete backup of a source that lies in every location that the environment must have. */
export function newestGood({ complete }: SourceView, { copiesOf, locations }: StatusView): Backup | undefined {
  return complete.find(({ id }) => locations.every((location) => copiesOf.get(id)?.has(location) === true))
}

/** What a source could lose: the oldest of the points that its locations reach, or none where one has nothing. */
export function commonPoint(source: SourceView, view: StatusView): Pick<RecoveryPoint, 'at' | 'by' | 'backup'> {
  const { points } = source
  const good = newestGood(source, view)
  const byBackup = { at: good?.takenAt, by: 'backup', backup: good } as const
  // With the log each location has a point of its own; without, the locations share a backup.
  if (!points.some(({ by }) => by === 'log')) return byBackup
  const oldest = points.toSorted((a, b) => (a.at?.getTime() ?? 0) - (b.at?.getTime() ?? 0))[0]
  if (oldest?.at === undefined) return byBackup
  return good !== undefined && good.takenAt > oldest.at ? byBackup : oldest
}

function recoveryPointFinding(source: SourceView, view: StatusView): Finding {
  const { now, facts } = view
  const { name, running } = source
  const target = facts.policy.objectives.recoveryPoint
  const point = commonPoint(source, view)
  const from = point.at ?? source.since
  const ageMs = now.getTime() - from.getTime()
  const [newest] = source.complete
  const remedy =
    newest !== undefined && newest.id !== point.backup?.id ? 'zakops-backup replicate' : `zakops-backup backup ${name}`
  const where = view.locations.length > 1 ? ' in every location' : ''
  if (point.at === undefined && ageMs <= target) {
    return {
      state: 'not yet',
      evidence: `${name}: no complete backup${where} yet; under the policy since ${formatMinute(from)}`,
    }
  }
  const evidence = `${name}: ${foundPoint(point, ageMs, where)}; target ${hoursOf(target)}`
  if (ageMs <= target) return { state: 'met', evidence }
  if (running !== undefined && ageMs <= 2 * target) {
    return { state: 'due', evidence: `${evidence}; run ${running.id} is taking one`, remedy }
  }
  return { state: ageMs <= target + graceMs ? 'due' : 'breached', evidence, remedy }
}

function foundPoint({ at, by, backup }: ReturnType<typeof commonPoint>, ageMs: number, where: string): string {
  if (at === undefined || backup === undefined)
    return `no complete backup${where}, ${formatAge(ageMs)} under the policy`
  if (by === 'backup') return `${formatAge(ageMs)} old: ${mention(backup)}`
  return `${formatAge(ageMs)} old: the log up to ${formatMinute(at)}, on ${mention(backup)}`
}

/** The policy document counts its objectives in hours. */
function hoursOf(ms: number): string {
  return ms % 3_600_000 === 0 ? `${ms / 3_600_000} ${ms === 3_600_000 ? 'hour' : 'hours'}` : formatDuration(ms)
}

import { formatMinute } from '../age.ts'
import { countRetention, describeRetentionCount } from '../count-retention.ts'
import { retentionRules } from '../retention.ts'
import type { Run } from '../run.ts'
import { clauseOf } from './clause-status.ts'
import type { ClauseStatus, Finding } from './clause-status.ts'
import { mention } from './mention.ts'
import { failedBackup } from './run-findings.ts'
import { graceMs } from './status-view.ts'
import type { SourceView, StatusView } from './status-view.ts'

const schedule = 'Backup Schedule'

export function fullBackupsClause(view: StatusView): ClauseStatus {
  return clauseOf(
    schedule,
    'Full backups',
    view.sources.flatMap((source) => [scheduledFinding(source, 'full', view), retentionFinding(source, 'full', view)]),
  )
}

export function incrementalBackupsClause(view: StatusView): ClauseStatus {
  return clauseOf(
    schedule,
    'Incremental backups',
    view.sources.flatMap((source) => [
      scheduledFinding(source, 'incremental', view),
      retentionFinding(source, 'incremental', view),
    ]),
  )
}

export function postgresqlSnapshotsClause(view: StatusView): ClauseStatus {
  const sources = view.sources.filter(({ kind }) => kind === 'postgresql')
  const findings = sources.map((source) => scheduledFinding(source, 'incremental', view))
  return clauseOf(schedule, 'Database snapshots: PostgreSQL', orNone(findings, 'no source is a PostgreSQL server'))
}

export function sqliteSnapshotsClause(view: StatusView): ClauseStatus {
  const sources = view.sources.filter(({ kind }) => kind === 'sqlite')
  const findings = sources.map((source) => guardFinding(source, view))
  return clauseOf(schedule, 'Database snapshots: SQLite', orNone(findings, 'no source is a SQLite database'))
}

function orNone(findings: readonly Finding[], evidence: string): readonly Finding[] {
  return findings.length > 0 ? findings : [{ state: 'not applicable', evidence }]
}

/** Whether the backup that was due last is there: a full, or for `incremental` one of either kind. */
function scheduledFinding(source: SourceView, kind: 'full' | 'incremental', view: StatusView): Finding {
  const { now } = view
  const { name, running } = source
  const scheduled = source.backups.filter((one) =>
    kind === 'full' ? one.kind === 'full' : one.kind !== 'pre-operation',
  )
  const newest = scheduled.find(({ gaps }) => gaps === 0)
  const { from, by } = kind === 'full' ? source.required.full : source.required.any
  const isNew = ({ takenAt }: { readonly takenAt: Date }): boolean => from === undefined || takenAt >= from
  const remedy = `zakops-backup backup ${name}${kind === 'full' ? ' --kind full' : ''}`
  if (newest !== undefined && isNew(newest)) return { state: 'met', evidence: `${name}: ${mention(newest)}` }
  const last = newest === undefined ? 'none was taken' : `the last complete one is ${mention(newest)}`
  if (by > now) return { state: 'not yet', evidence: `${name}: the first is due ${formatMinute(by)}` }
  const failed = failedBackup(view, name)
  const isOfThis = failed !== undefined && (from === undefined || failed.startedAt >= from)
  const due = `${name}: due ${formatMinute(by)}${isOfThis ? `, run ${failed.id} failed` : ''}`
  if (running !== undefined && (from === undefined || running.startedAt >= from)) {
    return { state: 'due', evidence: `${due}, run ${running.id} is taking it`, remedy }
  }
  if (now.getTime() < by.getTime() + graceMs) return { state: 'due', evidence: `${due}; ${last}`, remedy }
  const partial = scheduled.find((backup) => backup.gaps > 0 && isNew(backup))
  if (partial === undefined) return { state: 'breached', evidence: `${due}, not taken; ${last}`, remedy }
  const found = `${mention(partial)} is partial, ${partial.gaps} missing`
  return { state: 'breached', evidence: `${due}; ${found}; ${last}`, remedy }
}

/** Whether as many are kept as the policy wants. */
function retentionFinding(source: SourceView, kind: 'full' | 'incremental', { facts }: StatusView): Finding {
  const counts = countRetention({
    backups: source.backups,
    rules: retentionRules(facts.policy),
    scheduled: source.scheduled,
  })
  const count = counts.find((one) => one.kind === kind)!
  const evidence = `${source.name}: ${describeRetentionCount(count)}`
  if (count.state !== 'short') return { state: count.copies === 0 ? 'not yet' : 'met', evidence }
  const remedy = `zakops-backup catalog rebuild && zakops-backup backup ${source.name} --kind ${kind}`
  return { state: 'breached', evidence, remedy }
}

/** Whether the operations that were guarded have their backups, for as long as those are kept. */
function guardFinding(source: SourceView, { facts, now }: StatusView): Finding {
  const { name } = source
  const guards = facts.runs.filter((run) => run.procedure === 'guard' && run.source === name)
  const newest = guards.reduce<Run | undefined>(
    (last, run) => (last !== undefined && last.startedAt > run.startedAt ? last : run),
    undefined,
  )
  const backups = source.backups.filter(({ kind }) => kind === 'pre-operation')
  const [backup] = backups
  if (newest === undefined) {
    if (backup === undefined) return { state: 'not yet', evidence: `${name}: no operation was guarded so far` }
    return { state: 'met', evidence: `${name}: ${mention(backup)}` }
  }
  const keptMs = facts.policy.schedule.snapshots.retention.age
  const isKept = now.getTime() - newest.startedAt.getTime() < keptMs
  const ran = newest.state === 'done' || newest.state === 'gaps'
  if (ran && isKept && !backups.some(({ run }) => wholeRunOf(run) === wholeRunOf(newest.id))) {
    const evidence = `${name}: the operation of ${formatMinute(newest.startedAt)} (run ${newest.id}) has no backup`
    return { state: 'breached', evidence, remedy: `zakops-backup guard ${name} -- COMMAND` }
  }
  const found = backup === undefined ? 'its backup has expired' : mention(backup)
  return { state: 'met', evidence: `${name}: last operation ${formatMinute(newest.startedAt)}, ${found}` }
}

/** A guard is on record as "run-1:operation", and its backup as of "run-1:orders": parts of one run. */
function wholeRunOf(run: string): string {
  return run.split(':', 1)[0]!
}

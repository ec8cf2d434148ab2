import { dayName } from './backup-gap.ts'
import type { DueTime } from './due-times.ts'
import { formatDuration } from './duration.ts'
import type { LocationPolicy, Policy, RetentionRule, SourcePolicy, Weekday } from './policy.ts'

/** A part of the policy under its heading in the policy document, in words. */
export interface PolicySection {
  readonly title: string
  readonly rows: readonly { readonly name: string; readonly text: string }[]
}

/** The effective policy in words, in the order of the policy document. */
export function describePolicy(policy: Policy): PolicySection[] {
  const { schedule, encryption, objectives, testing, responsibilities } = policy
  const { full, incremental, snapshots } = schedule
  return [
    section('Backup schedule', {
      'Full backups': `weekly, ${weekdayTime(full)}; ${kept(full.retention)}`,
      'Incremental backups': `daily, ${incremental.time} UTC, but not on the day of the full; ${kept(incremental.retention)}`,
      'Database snapshots': `PostgreSQL: ${snapshots.postgresql}; SQLite: ${snapshots.sqlite}; backups before operations ${kept(snapshots.retention)}`,
    }),
    section(
      'Backup locations',
      Object.fromEntries(
        Object.entries(policy.locations).flatMap(([environment, { primary, secondary }]) => [
          [`${environment}, primary`, locationText(primary)],
          [`${environment}, secondary`, locationText(secondary)],
        ]),
      ),
    ),
    section('Encryption', {
      Algorithm: encryption.algorithm,
      'Key management': `keyring ${encryption.keyManagement.keyring}, apart from the backups, opened by ${unlockWords(encryption.keyManagement.unlock)}`,
      'Key rotation': encryption.keyRotation,
    }),
    section('Testing', {
      'Restore test': `${testing.restoreTest}: a random backup is restored and compared`,
      'Recovery drill': `${testing.recoveryDrill}: a complete loss is rehearsed and timed`,
    }),
    section('Recovery objectives', {
      'Recovery time (RTO)': hours(objectives.recoveryTime),
      'Recovery point (RPO)': hours(objectives.recoveryPoint),
    }),
    section('Responsibilities', {
      DevOps: responsibilities.devops.join(', '),
      DBA: responsibilities.dba.join(', '),
      Security: responsibilities.security.join(', '),
      Management: responsibilities.management.join(', '),
    }),
    section('Sources', mapped(policy.sources, sourceText)),
    section(
      'Services',
      mapped(policy.services, ({ stop, start, health, timeout }) => {
        const check = health === undefined ? 'no health check' : `health: ${health.join(' ')}`
        return `stop: ${stop.join(' ')}; start: ${start.join(' ')}; ${check}; within ${formatDuration(timeout)} each`
      }),
    ),
    section(
      'Asked before',
      Object.fromEntries(
        Object.entries(policy.confirm).flatMap(([name, steps]) =>
          steps.length === 0 ? [] : [[name, steps.join(', ')]],
        ),
      ),
    ),
    section('State', { Folder: policy.state }),
  ].filter(({ rows }) => rows.length > 0)
}

/** A due time in words: "full backup of documents, orders". */
export function describeDue({ procedure, kind, sources }: DueTime): string {
  switch (procedure) {
    case 'backup':
      return `${kind} backup of ${sources.join(', ')}`
    case 'verify':
      return 'verification of the copies'
    case 'restore-test':
      return 'restore test of a random backup'
    case 'recovery-drill':
      return 'recovery drill'
    case 'rotate':
      return 'rotation of the key'
    default:
      return procedure satisfies never
  }
}

/** "Sunday 02:00 UTC" */
export function weekdayTime({ day, time }: { readonly day: Weekday; readonly time: string }): string {
  return `${dayName(day)} ${time} UTC`
}

function kept({ copies, age }: RetentionRule): string {
  return `kept: the last ${copies}, and all younger than ${formatDuration(age)}`
}

function locationText(location: LocationPolicy | 'N/A'): string {
  return location === 'N/A' ? location : `${location.storage}, encrypted`
}

function unlockWords(unlock: Policy['encryption']['keyManagement']['unlock']): string {
  return 'keyFile' in unlock ? `the key file ${unlock.keyFile}` : `the passphrase in ${unlock.passphrase}`
}

function sourceText(source: SourcePolicy): string {
  const services = source.services.length === 0 ? '' : `; stopped for a restore: ${source.services.join(', ')}`
  switch (source.kind) {
    case 'files': {
      const exclude = source.exclude.length === 0 ? '' : `; without ${source.exclude.join(' ')}`
      const caches = source.excludeCaches ? '; without caches' : ''
      const systems = source.oneFileSystem ? '; in their file systems only' : ''
      return `files: ${source.paths.join(', ')}${exclude}${caches}${systems}${services}`
    }
    case 'sqlite':
      return `SQLite: ${source.path}${asserted(source.assertions.length)}${services}`
    case 'postgresql':
      return `PostgreSQL, ${source.mode}: ${source.url}${asserted(source.assertions.length)}${services}`
    default:
      return source satisfies never
  }
}

function asserted(count: number): string {
  return count === 0 ? '' : `; ${count} ${count === 1 ? 'assertion' : 'assertions'}`
}

/** The policy document counts its objectives in hours. */
function hours(ms: number): string {
  return ms % 3_600_000 === 0 ? `${ms / 3_600_000} ${ms === 3_600_000 ? 'hour' : 'hours'}` : formatDuration(ms)
}

function section(title: string, rows: Readonly<Record<string, string>>): PolicySection {
  return { title, rows: Object.entries(rows).map(([name, text]) => ({ name, text })) }
}

function mapped<Value>(map: Readonly<Record<string, Value>>, text: (value: Value) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, text(value)]))
}

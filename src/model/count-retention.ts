import { backupKinds } from './backup.ts'
import type { Backup, BackupKind } from './backup.ts'
import { formatDay } from './age.ts'
import { formatDuration } from './policy/duration.ts'
import type { RetentionRules } from './retention.ts'

/** What is left of one kind, against what the policy wants. */
export interface RetentionCount {
  readonly kind: BackupKind
  /** Complete backups. */
  readonly copies: number
  /** When the oldest of them was taken. */
  readonly since: Date | undefined
  readonly wantedCopies: number
  readonly wantedAgeMs: number
  /** `met so far`: fewer than wanted, and not so many were due yet. */
  readonly state: 'met' | 'met so far' | 'short'
}

/**
 * Counts what is left of one source. `scheduled` says how many backups of a kind were due since the source came under the
 * policy, so that a young installation is not called short; backups before operations are due by nobody's clock.
 */
export function countRetention(facts: {
  readonly backups: readonly Backup[]
  readonly rules: RetentionRules
  readonly scheduled: Readonly<Record<'full' | 'incremental', number>>
}): readonly RetentionCount[] {
  return backupKinds.map((kind) => {
    const { copies: wantedCopies, age: wantedAgeMs } = facts.rules[kind]
    const times = facts.backups
      .filter((backup) => backup.kind === kind && backup.gaps === 0)
      .map(({ takenAt }) => takenAt.getTime())
    const due = kind === 'pre-operation' ? 0 : facts.scheduled[kind]
    const state = times.length >= wantedCopies ? 'met' : due < wantedCopies ? 'met so far' : 'short'
    const since = times.length === 0 ? undefined : new Date(Math.min(...times))
    return { kind, copies: times.length, since, wantedCopies, wantedAgeMs, state }
  })
}

/** "full: 3 of 4 copies since 2026-03-01 (4 weeks wanted), met so far" */
export function describeRetentionCount(count: RetentionCount): string {
  const since = count.since === undefined ? '' : ` since ${formatDay(count.since)}`
  const copies = count.wantedCopies === 1 ? 'copy' : 'copies'
  return `${count.kind}: ${count.copies} of ${count.wantedCopies} ${copies}${since} (${formatDuration(count.wantedAgeMs)} wanted), ${count.state}`
}

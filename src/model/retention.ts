import { formatAge } from './age.ts'
import { backupKinds } from './backup.ts'
import type { Backup, BackupKind } from './backup.ts'
import type { Id } from './id.ts'
import { formatDuration } from './policy/duration.ts'
import type { Policy, RetentionRule } from './policy/policy.ts'
import type { Proof, Run } from './run.ts'

export type RetentionRules = Readonly<Record<BackupKind, RetentionRule>>

/** The rule of each kind of backup. */
export function retentionRules({ schedule }: Pick<Policy, 'schedule'>): RetentionRules {
  return {
    full: schedule.full.retention,
    incremental: schedule.incremental.retention,
    'pre-operation': schedule.snapshots.retention,
  }
}

/** What retention is decided from: all of one source. */
export interface RetentionFacts {
  readonly source: string
  /** Those that lie in any location. */
  readonly backups: readonly Backup[]
  readonly proofs: readonly Proof[]
  readonly rules: RetentionRules
  /** The newest run that was to back this source up, where it failed (failingRun()); nothing is removed meanwhile. */
  readonly failing: Run | undefined
  readonly now: Date
}

export interface RetentionDecision {
  readonly backup: Backup
  readonly decision: 'keep' | 'remove'
  /** In words. */
  readonly reason: string
}

export interface RetentionPlan {
  readonly source: string
  /** Why nothing is removed though something would be; undefined otherwise. */
  readonly held: string | undefined
  /** One for each backup, newest first. */
  readonly decisions: readonly RetentionDecision[]
}

/**
 * What is kept and what is removed. A backup stays while it is one of the last so many complete ones of its kind, or
 * younger than the age of its kind, whichever keeps it longer, so that fresh backups push no young one out. One from the
 * future counts as young and pushes nothing out. A partial one takes no complete one's place; it stays while it is young,
 * or fewer than so many of its kind, partial or not, came after it. Never removed: the newest that was proven to restore,
 * the newest complete one, the newest of all.
 */
export function planRetention(facts: RetentionFacts): RetentionPlan {
  const newestFirst = facts.backups.toSorted(compareNewestFirst)
  const shields = findShields(newestFirst, facts)
  const newer = countNewer(newestFirst, facts.now)
  const decisions = newestFirst.map((backup) => decide(backup, newer.get(backup) ?? 0, shields, facts))
  const removals = decisions.filter(({ decision }) => decision === 'remove').length
  if (facts.failing === undefined || removals === 0) return { source: facts.source, held: undefined, decisions }
  const held = `nothing is removed while newer backups of "${facts.source}" fail: run ${facts.failing.id} ${facts.failing.state}`
  return {
    source: facts.source,
    held,
    decisions: decisions.map((one) =>
      one.decision === 'keep'
        ? one
        : { backup: one.backup, decision: 'keep', reason: `held, since newer backups fail; else: ${one.reason}` },
    ),
  }
}

/** The newest run that was to back the source up, where it failed or was lost; runs that go on do not count yet. */
export function failingRun(runs: readonly Run[], source: string): Run | undefined {
  const newest = runs
    .filter(({ procedure, state }) => procedure === 'backup' && state !== 'running')
    .filter((run) => run.source === source || run.source === undefined)
    .reduce<Run | undefined>(
      (last, run) => (last !== undefined && last.startedAt > run.startedAt ? last : run),
      undefined,
    )
  return newest?.state === 'failed' || newest?.state === 'lost' ? newest : undefined
}

/** The backups that a restore was found equal to, by what was found last at one location or the other. */
export function provenBackups(proofs: readonly Proof[]): ReadonlySet<Id> {
  return backupsFound(proofs, 'equal')
}

/** The backups that a restore was found different from, by what was found last at one location or the other. */
export function refutedBackups(proofs: readonly Proof[]): ReadonlySet<Id> {
  return backupsFound(proofs, 'different')
}

function backupsFound(proofs: readonly Proof[], wanted: Proof['outcome']): ReadonlySet<Id> {
  const last = new Map<string, Proof>()
  for (const proof of proofs) {
    const key = `${proof.backup} ${proof.location}`
    const known = last.get(key)
    if (known === undefined || known.at <= proof.at) last.set(key, proof)
  }
  return new Set([...last.values()].filter(({ outcome }) => outcome === wanted).map(({ backup }) => backup))
}

/** For each backup, how many newer ones of its kind take places that it would need: complete ones, or for a partial one all. */
function countNewer(newestFirst: readonly Backup[], now: Date): ReadonlyMap<Backup, number> {
  const seen = Object.fromEntries(backupKinds.map((kind) => [kind, { all: 0, complete: 0 }])) as Record<
    BackupKind,
    { all: number; complete: number }
  >
  return new Map(
    newestFirst.map((backup) => {
      const count = seen[backup.kind]
      const isPartial = backup.gaps > 0
      const newer = isPartial ? count.all : count.complete
      if (backup.takenAt <= now) {
        count.all += 1
        if (!isPartial) count.complete += 1
      }
      return [backup, newer]
    }),
  )
}

function decide(
  backup: Backup,
  newer: number,
  shields: ReadonlyMap<Id, readonly string[]>,
  { rules, now }: RetentionFacts,
): RetentionDecision {
  const { copies, age } = rules[backup.kind]
  const isPartial = backup.gaps > 0
  const ageMs = now.getTime() - backup.takenAt.getTime()
  const isFuture = ageMs < 0
  const reasons = [
    ...(isFuture ? ['taken in the future, by the clock of now'] : []),
    ...(!isFuture && newer < copies
      ? [copies === 1 ? `the last ${backup.kind}` : `one of the last ${copies} ${backup.kind}`]
      : []),
    ...(!isFuture && ageMs < age ? [`younger than ${formatDuration(age)}`] : []),
    ...(shields.get(backup.id) ?? []),
  ]
  const partial = isPartial ? `partial (${backup.gaps} missing), ` : ''
  if (reasons.length > 0) return { backup, decision: 'keep', reason: partial + reasons.join(', ') }
  const reason = `${partial}${formatAge(ageMs)} old, limit ${formatDuration(age)}; ${newer} newer ${backup.kind}, limit ${copies}`
  return { backup, decision: 'remove', reason }
}

/** Backups that stay whatever the rules say, with why. */
function findShields(newestFirst: readonly Backup[], { proofs, now }: RetentionFacts): Map<Id, string[]> {
  const proven = provenBackups(proofs)
  const shields = new Map<Id, string[]>()
  const shield = (backup: Backup | undefined, reason: string): void => {
    if (backup === undefined) return
    const reasons = shields.get(backup.id) ?? []
    if (!reasons.includes(reason)) shields.set(backup.id, [...reasons, reason])
  }
  const past = newestFirst.filter(({ takenAt }) => takenAt <= now)
  // Of those from the future too, but they must not take the place of one that is surely there.
  for (const list of [newestFirst, past]) {
    shield(
      list.find(({ id }) => proven.has(id)),
      'the newest proven to restore',
    )
    shield(
      list.find(({ gaps }) => gaps === 0),
      'the newest complete one',
    )
  }
  if (!past.some(({ gaps }) => gaps === 0)) shield(past[0], 'the newest there is')
  return shields
}

function compareNewestFirst(a: Backup, b: Backup): number {
  return b.takenAt.getTime() - a.takenAt.getTime() || (a.id < b.id ? -1 : 1)
}

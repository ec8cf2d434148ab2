import { latestDueTimes } from '../model/policy/due-times.ts'
import type { Policy } from '../model/policy/policy.ts'
import type { Run } from '../model/run.ts'
import { type DueKind, dueRunId, parseDueRunId } from './due-run-id.ts'

/** From what it is decided what is due. */
export interface DueFacts {
  readonly policy: Policy
  /** The runs that the schedule began; those of the last `runsNeededMs` do. */
  readonly runs: readonly Run[]
  /** The sources of which there is no backup. */
  readonly withoutBackup: ReadonlySet<string>
  /** Whether a backup is not at the secondary location that should be. */
  readonly isCopyMissing: boolean
  /** Since when a policy is in force here: what was due before is not made up for. */
  readonly inForceSince: Date
  readonly now: Date
}

interface DueFields {
  /** Unique for ever; the run of a source is named `<id>:<source>`. */
  readonly id: string
  /** A whole minute. */
  readonly dueAt: Date
  /** From 1 on. */
  readonly attempt: number
}

export type DueRun =
  | (DueFields & {
      readonly procedure: 'backup'
      readonly kind: 'full' | 'incremental'
      /** In the order of the policy. */
      readonly sources: readonly string[]
    })
  | (DueFields & {
      readonly procedure: 'verify'
      /** `part`: the quarter of the data whose turn it is in the week of the due time. `all`: a turn was missed. */
      readonly data: 'part' | 'all'
    })
  /** A random backup is restored to a test environment. */
  | (DueFields & { readonly procedure: 'restore-test' })
  /** What the secondary location missed while it was away is copied there. */
  | (DueFields & { readonly procedure: 'replicate' })

/** What failed, or was lost with its process, is tried again after 5, 10, 20 and 40 minutes, and then at the next due time. */
export const attemptsMax = 5
export const firstWaitMs = 5 * 60_000

/** So far may a clock have been ahead for its runs to count when it is put back: zones differ by no more. */
export const clockErrorMs = 12 * 3_600_000

/** How far back runs must be known: a month, since restore tests are monthly, and what clocks are wrong by. */
export const runsNeededMs = 33 * 86_400_000

/** So long after the last try is what the secondary location lacks tried again. */
export const catchUpMs = 3_600_000

const weekMs = 7 * 86_400_000

/**
 * What is due at `now`. A source has at most one due backup, for the latest due time that it has no successful run of:
 * so one that was due several times while the machine slept is taken once; it is a full where a full was among them
 * or is still owed. A source without any backup is due at once. Nothing of a source is due while a run of it goes on.
 *
 * Runs are known by their due times, so that a clock that is put back finds what was done already, and one that is put
 * forward finds at most one run for each source. Only where a run says that it began more than twelve hours from now is
 * it done again: the clock was days ahead then, and what was backed up is as much older than it says.
 */
export function dueRuns(facts: DueFacts): DueRun[] {
  const times = latestDueTimes(facts.policy, facts.now)
  const latest = (kind: DueKind): Date | undefined =>
    times.find((time) => (kind === 'verify' || kind === 'restore-test' ? time.procedure === kind : time.kind === kind))
      ?.at
  const known = facts.runs.flatMap((run) => {
    const name = parseDueRunId(run.id)
    return name === undefined ? [] : [{ run, ...name }]
  })
  const backups = known.filter(({ run }) => run.procedure === 'backup')
  const bySource = Map.groupBy(backups, ({ run }) => run.source)
  const slots = { full: latest('full'), incremental: latest('incremental') }
  const due = Object.keys(facts.policy.sources).flatMap((source) => {
    const attempt = dueBackup(facts, slots, source, bySource.get(source) ?? [])
    return attempt === undefined ? [] : [{ source, ...attempt }]
  })
  const verify = known.filter(({ run }) => run.procedure === 'verify')
  // Each backup copies what is missing by itself.
  const catchUp = due.length === 0 && facts.isCopyMissing ? dueReplicate(known, facts.now) : []
  const tests = known.filter(({ run }) => run.procedure === 'restore-test')
  return [
    ...grouped(due),
    ...catchUp,
    ...dueVerify(facts, latest('verify'), verify),
    ...dueRestoreTest(facts, latest('restore-test'), tests),
  ]
}

interface KnownRun {
  readonly run: Run
  readonly dueAt: Date
  readonly kind: DueKind
  readonly attempt: number
}

interface Attempt {
  readonly dueAt: Date
  readonly kind: DueKind
  readonly attempt: number
}

function dueBackup(
  { inForceSince, withoutBackup, now }: DueFacts,
  slots: { readonly full: Date | undefined; readonly incremental: Date | undefined },
  source: string,
  runs: readonly KnownRun[],
): Attempt | undefined {
  const owed = (slot: Date | undefined): slot is Date => slot !== undefined && slot >= inForceSince
  const isFirst = withoutBackup.has(source)
  const fulls = runs.filter(({ kind }) => kind === 'full')
  const needsFull = isFirst || (owed(slots.full) && !isDone(fulls, slots.full, now))
  const slot = later(slots.full, slots.incremental)
  if (!owed(slot)) return isFirst ? nextAttempt(runs, wholeMinute(inForceSince), 'full', now) : undefined
  if (!needsFull && isDone(runs, slot, now)) return undefined
  return nextAttempt(runs, slot, needsFull ? 'full' : 'incremental', now)
}

function dueVerify({ inForceSince, now }: DueFacts, slot: Date | undefined, runs: readonly KnownRun[]): DueRun[] {
  if (slot === undefined || slot < inForceSince || isDone(runs, slot, now)) return []
  const attempt = nextAttempt(runs, slot, 'verify', now)
  if (attempt === undefined) return []
  const { dueAt } = attempt
  const last = runs.filter((one) => isSuccess(one) && one.dueAt < slot).map((one) => one.dueAt.getTime())
  // Of a turn that was missed before anything is known of, there is nothing to make up for.
  const isMissed = dueAt.getTime() - Math.max(...last, inForceSince.getTime()) > weekMs
  return [
    { id: dueRunId(attempt), procedure: 'verify', data: isMissed ? 'all' : 'part', dueAt, attempt: attempt.attempt },
  ]
}

/** Of what was missed only the last is made up for; where there is no backup yet there is nothing to test. */
function dueRestoreTest(
  { inForceSince, withoutBackup, policy, now }: DueFacts,
  slot: Date | undefined,
  runs: readonly KnownRun[],
): DueRun[] {
  const isNothingThere = Object.keys(policy.sources).every((source) => withoutBackup.has(source))
  if (slot === undefined || slot < inForceSince || isNothingThere || isDone(runs, slot, now)) return []
  const attempt = nextAttempt(runs, slot, 'restore-test', now)
  if (attempt === undefined) return []
  const { dueAt } = attempt
  return [{ id: dueRunId(attempt), procedure: 'restore-test', dueAt, attempt: attempt.attempt }]
}

/** Once an hour at most, counted from the last run that tried. */
function dueReplicate(known: readonly KnownRun[], now: Date): DueRun[] {
  const dueAt = new Date(Math.floor(now.getTime() / catchUpMs) * catchUpMs)
  const id = dueRunId({ dueAt, kind: 'replicate', attempt: 1 })
  const isTooEarly = known.some(({ run }) => {
    if (run.procedure === 'verify' || run.procedure === 'restore-test') return false
    if (run.id === id || run.state === 'running') return true
    return run.endedAt <= now && now.getTime() < run.endedAt.getTime() + catchUpMs
  })
  return isTooEarly ? [] : [{ id, procedure: 'replicate', dueAt, attempt: 1 }]
}

/** Whether a run for this due time or a later one succeeded. Due times that are still to come prove nothing: the clock was wrong. */
function isDone(runs: readonly KnownRun[], slot: Date, now: Date): boolean {
  return runs.some((one) => {
    const isFromFuture = one.run.startedAt.getTime() > now.getTime() + clockErrorMs
    return isSuccess(one) && !isFromFuture && one.dueAt >= slot && one.dueAt <= now
  })
}

function isSuccess({ run: { state } }: KnownRun): boolean {
  return state === 'done' || state === 'gaps'
}

/** The next attempt for a due time; undefined while a run goes on, before the wait is over, or where all attempts were made. */
function nextAttempt(runs: readonly KnownRun[], dueAt: Date, kind: DueKind, now: Date): Attempt | undefined {
  if (runs.some(({ run }) => run.state === 'running')) return undefined
  const before = runs
    .filter((one) => one.kind === kind && one.dueAt.getTime() === dueAt.getTime())
    .toSorted((a, b) => a.attempt - b.attempt)
    .at(-1)
  if (before === undefined) return { dueAt, kind, attempt: 1 }
  if (before.attempt >= attemptsMax || !isWaitOver(before, now)) return undefined
  return { dueAt, kind, attempt: before.attempt + 1 }
}

function isWaitOver({ run, attempt }: KnownRun, now: Date): boolean {
  if (run.state === 'running') return false
  const waitMs = firstWaitMs * 2 ** (attempt - 1)
  // A run that began later than now tells of a clock that was put back: waiting for that time again could take years.
  return now < run.startedAt || now.getTime() >= run.endedAt.getTime() + waitMs
}

/** Sources whose due runs have one name are backed up together. */
function grouped(due: readonly (Attempt & { readonly source: string })[]): DueRun[] {
  const groups = Map.groupBy(due, (one) => dueRunId(one))
  return [...groups].map(([id, members]) => {
    const { dueAt, kind, attempt } = members[0]!
    const sources = members.map(({ source }) => source)
    return { id, procedure: 'backup', kind: kind === 'full' ? 'full' : 'incremental', sources, dueAt, attempt }
  })
}

function later(a: Date | undefined, b: Date | undefined): Date | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a > b ? a : b
}

function wholeMinute(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 60_000) * 60_000)
}

import { Cron } from 'croner'
import { timeOfDayMs } from './backup-gap.ts'
import { type Policy, weekdays } from './policy.ts'

/** What comes due by itself, in the order in which it is done where several are due at once. */
export const dueProcedures = ['rotate', 'backup', 'verify', 'restore-test', 'recovery-drill'] as const
export type DueProcedure = (typeof dueProcedures)[number]

export interface DueTime {
  readonly at: Date
  readonly procedure: DueProcedure
  /** Of a backup. */
  readonly kind: 'full' | 'incremental' | undefined
  /** The sources that it is for, by name, in the order of the policy. */
  readonly sources: readonly string[]
}

/** What happened and sets the time of what is due once a year. */
export interface YearlyFacts {
  /** When the key in use was made. */
  readonly keyCreatedAt?: Date | undefined
  /** The last drill; or, before the first, since when the policy is in force. */
  readonly drilledAt?: Date | undefined
}

/** Verification and restore tests wait so long after backups begin, to find them done. */
const afterBackupsMs = 12 * 3_600_000
const dayMs = 86_400_000

/** Nobody asks for more at once: two years of a policy are about 900. */
const countMax = 10_000

/**
 * The next `count` times after a moment at which something is due under a policy, in their order. A full takes the
 * place of its day's incremental. Verification is due twelve hours after each full, and the restore test twelve hours
 * after the backup of each first day of a month. What is due once a year is known from facts only; where that is
 * overdue, it stands first, with the time at which it was due.
 */
export function dueTimes(policy: Policy, after: Date, count: number, facts: YearlyFacts = {}): DueTime[] {
  const wanted = Math.min(count, countMax)
  const repeated = repetitions(policy).flatMap(({ pattern, due }) => {
    return cron(pattern)
      .nextRuns(wanted, after)
      .map((at) => ({ at, ...due }))
  })
  return [...repeated, ...yearly(policy, facts)].toSorted(inOrder).slice(0, wanted)
}

/**
 * For each kind of backup and each other procedure that comes due by the calendar: the last time that it was due, at
 * `moment` or before. A service that was away finds here what it has missed.
 */
export function latestDueTimes(policy: Policy, moment: Date): DueTime[] {
  // croner leaves the moment itself out.
  const from = new Date(moment.getTime() + 1000)
  return repetitions(policy)
    .flatMap(({ pattern, due }) => {
      const at = cron(pattern)
        .previousRuns(2, from)
        .find((one) => one <= moment)
      return at === undefined ? [] : [{ at, ...due }]
    })
    .toSorted(inOrder)
}

interface Repetition {
  readonly pattern: string
  readonly due: Omit<DueTime, 'at'>
}

function repetitions(policy: Policy): Repetition[] {
  const { full, incremental } = policy.schedule
  const sources = Object.keys(policy.sources)
  const fullDay = weekdays.indexOf(full.day)
  const otherDays = weekdays.map((_, day) => day).filter((day) => day !== fullDay)
  const verify = shifted(timeOfDayMs(full.time))
  const test = shifted(timeOfDayMs(incremental.time))
  const backup = { procedure: 'backup', sources } as const
  return [
    { pattern: `${clockFields(timeOfDayMs(full.time))} * * ${fullDay}`, due: { ...backup, kind: 'full' } },
    {
      pattern: `${clockFields(timeOfDayMs(incremental.time))} * * ${otherDays.join(',')}`,
      due: { ...backup, kind: 'incremental' },
    },
    {
      pattern: `${clockFields(verify.ms)} * * ${(fullDay + verify.days) % 7}`,
      due: { procedure: 'verify', kind: undefined, sources },
    },
    {
      pattern: `${clockFields(test.ms)} ${1 + test.days} * *`,
      due: { procedure: 'restore-test', kind: undefined, sources },
    },
  ]
}

function yearly(policy: Policy, { keyCreatedAt, drilledAt }: YearlyFacts): DueTime[] {
  const sources = Object.keys(policy.sources)
  const due: DueTime[] = []
  if (keyCreatedAt !== undefined) {
    due.push({ at: yearAfter(keyCreatedAt), procedure: 'rotate', kind: undefined, sources })
  }
  if (drilledAt !== undefined) {
    due.push({ at: yearAfter(drilledAt), procedure: 'recovery-drill', kind: undefined, sources })
  }
  return due
}

function cron(pattern: string): Cron {
  return new Cron(pattern, { timezone: 'UTC' })
}

/** A time of day some hours later, and whether that is the day after. */
function shifted(ms: number): { readonly ms: number; readonly days: number } {
  return { ms: (ms + afterBackupsMs) % dayMs, days: Math.floor((ms + afterBackupsMs) / dayMs) }
}

/** Minute and hour as cron writes them. */
function clockFields(ms: number): string {
  const minutes = ms / 60_000
  return `${minutes % 60} ${Math.floor(minutes / 60)}`
}

function yearAfter(date: Date): Date {
  const after = new Date(date)
  after.setUTCFullYear(after.getUTCFullYear() + 1)
  return after
}

function inOrder(a: DueTime, b: DueTime): number {
  return a.at.getTime() - b.at.getTime() || dueProcedures.indexOf(a.procedure) - dueProcedures.indexOf(b.procedure)
}

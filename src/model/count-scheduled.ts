import { timeOfDayMs } from './policy/backup-gap.ts'
import { type DueTime, dueTimes } from './policy/due-times.ts'
import { type Policy, weekdays } from './policy/policy.ts'

const dayMs = 86_400_000

/** How many backups of each kind were due, counted up to what the policy keeps. */
export type ScheduledCounts = Readonly<Record<'full' | 'incremental', number>>

/**
 * Counts the due times after `since`, when a source came under the policy, up to `until`. What was due first is a full,
 * whatever the day, so incrementals count from then on.
 */
export function countScheduled(policy: Policy, since: Date, until: Date): ScheduledCounts {
  const { full, incremental } = policy.schedule
  const fullDay = weekdays.indexOf(full.day)
  const first = firstBackupDue(policy, since)?.at ?? since
  return {
    full: countDays({ after: since, until, max: full.retention.copies }, full.time, (day) => day === fullDay),
    incremental: countDays(
      { after: first, until, max: incremental.retention.copies },
      incremental.time,
      (day) => day !== fullDay,
    ),
  }
}

/** The next backup that is due; verifications and tests may come before it, but not so many. */
export function firstBackupDue(policy: Policy, after: Date): DueTime | undefined {
  return dueTimes(policy, after, 10).find(({ procedure }) => procedure === 'backup')
}

function countDays(
  { after, until, max }: { readonly after: Date; readonly until: Date; readonly max: number },
  time: string,
  isDay: (weekday: number) => boolean,
): number {
  const midnight = Math.floor(after.getTime() / dayMs) * dayMs
  let found = 0
  for (let at = midnight + timeOfDayMs(time); at <= until.getTime() && found < max; at += dayMs) {
    if (at > after.getTime() && isDay(new Date(at).getUTCDay())) found += 1
  }
  return found
}

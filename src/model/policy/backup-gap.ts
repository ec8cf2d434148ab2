import type { Policy } from './policy.ts'
import { weekdays, type Weekday } from './policy.ts'

/** The longest time between two backups of a schedule: from where to where. */
export interface BackupGap {
  readonly ms: number
  readonly from: string
  readonly to: string
}

const dayMs = 86_400_000

/**
 * The longest time between two due backups. A full takes the place of its day's incremental, so where the two have
 * different times, the gap before or after the full is longer than a day.
 */
export function longestBackupGap(schedule: Policy['schedule']): BackupGap {
  const { full, incremental } = schedule
  const laterMs = timeOfDayMs(full.time) - timeOfDayMs(incremental.time)
  const fullAt = `the full of ${dayName(full.day)} ${full.time}`
  const incrementalAt = (day: Weekday): string => `the incremental of ${dayName(day)} ${incremental.time}`
  if (laterMs < 0) return { ms: dayMs - laterMs, from: fullAt, to: incrementalAt(neighbour(full.day, 1)) }
  return { ms: dayMs + laterMs, from: incrementalAt(neighbour(full.day, -1)), to: fullAt }
}

/** Milliseconds from midnight of "02:00". */
export function timeOfDayMs(time: string): number {
  const [hour, minute] = time.split(':').map(Number)
  return (hour! * 60 + minute!) * 60_000
}

/** "sunday" as people write it. */
export function dayName(day: Weekday): string {
  return `${day[0]!.toUpperCase()}${day.slice(1)}`
}

function neighbour(day: Weekday, by: 1 | -1): Weekday {
  return weekdays[(weekdays.indexOf(day) + by + 7) % 7]!
}

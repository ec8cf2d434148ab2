import { Failure } from '../../base/failure.ts'
import type { LongDuration } from './long-duration.ts'

/**
 * A moment as a snapshot tells it. `year` to `hour` are the reading of the clock at the place where the snapshot
 * was made: retention counts the days of that place, whatever zone the program runs in.
 */
export interface SnapshotTime {
  /** Nanoseconds since 1970-01-01T00:00:00Z. */
  readonly instant: bigint
  /** Minutes that the place's clock is ahead of UTC. */
  readonly offsetMinutes: number
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  readonly day: number
  readonly hour: number
}

const pattern = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/
const nanosecondsPerMillisecond = 1_000_000n
const hourNanoseconds = 3_600_000_000_000n

/** Reads an RFC 3339 time. Failure `repository_damaged` where the text is none: times come from stored snapshots. */
export function parseSnapshotTime(text: string): SnapshotTime {
  const match = pattern.exec(text)
  if (match === null) throw new Failure('repository_damaged', `Cannot read snapshot time "${text}": expected RFC 3339`)
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const offsetMinutes =
    match[8] === undefined ? 0 : (match[8] === '-' ? -1 : 1) * (Number(match[9]) * 60 + Number(match[10]))
  const wallMs = wallMilliseconds(year, month, day, hour, minute, second)
  const nanoseconds = BigInt((match[7] ?? '').slice(0, 9).padEnd(9, '0'))
  const instant = BigInt(wallMs - offsetMinutes * 60_000) * nanosecondsPerMillisecond + nanoseconds
  return { instant, offsetMinutes, year, month, day, hour }
}

/**
 * The instant that lies `duration` before `time`: first years, months and days by the calendar of that place, where
 * a day that the month does not have runs over into the next month (as in Go's AddDate), then hours.
 */
export function instantBefore(time: SnapshotTime, duration: LongDuration): bigint {
  const midnight = wallMilliseconds(time.year, time.month, time.day, 0, 0, 0)
  const earlier = wallMilliseconds(
    time.year - duration.years,
    time.month - duration.months,
    time.day - duration.days,
    0,
    0,
    0,
  )
  if (Number.isNaN(earlier)) return -(10n ** 30n) // Before anything that JavaScript's calendar holds, thus before every snapshot.
  return (
    time.instant - BigInt(midnight - earlier) * nanosecondsPerMillisecond - BigInt(duration.hours) * hourNanoseconds
  )
}

/** Year and number of the ISO 8601 week that the day lies in. */
export function isoWeek(time: SnapshotTime): { readonly year: number; readonly week: number } {
  const dayMs = 86_400_000
  const day = wallMilliseconds(time.year, time.month, time.day, 0, 0, 0)
  const weekday = (new Date(day).getUTCDay() + 6) % 7 // Monday is 0.
  const thursday = day + (3 - weekday) * dayMs // A week belongs to the year of its Thursday.
  const year = new Date(thursday).getUTCFullYear()
  const firstDay = wallMilliseconds(year, 1, 1, 0, 0, 0)
  return { year, week: Math.floor((thursday - firstDay) / dayMs / 7) + 1 }
}

/** Milliseconds of a wall clock's reading as if it were UTC; months and days may lie out of their range. */
function wallMilliseconds(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number {
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day) // Unlike Date.UTC(), this takes the years 0 to 99 as they are.
  date.setUTCHours(hour, minute, second)
  return date.getTime()
}

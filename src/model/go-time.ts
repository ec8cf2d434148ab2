import { Failure } from '../base/failure.ts'

/** A moment as the file system knows it: whole seconds since 1970-01-01T00:00:00Z, and the nanoseconds after them. */
export interface Moment {
  readonly seconds: number
  /** 0 to 999,999,999; always counted forward, also before 1970. */
  readonly nanoseconds: number
}

/** What Go writes for a time that was never set. */
export const goZeroTime = '0001-01-01T00:00:00Z'

const secondsPerDay = 86_400

/**
 * RFC 3339 in UTC as Go's encoding/json writes it: up to nine decimals of a second, without trailing zeros.
 * A year before 0 becomes 0 and one after 9999 becomes 9999, as restic does for the times of nodes.
 */
export function formatGoTime(seconds: number, nanoseconds: number): string {
  const day = Math.floor(seconds / secondsPerDay)
  const second = seconds - day * secondsPerDay
  const hour = (second / 3600) | 0
  const minute = ((second / 60) | 0) % 60
  return `${formatDay(day)}T${two(hour)}:${two(minute)}:${two(second % 60)}${formatFraction(nanoseconds)}Z`
}

/** The same for a Date, which knows milliseconds. */
export function formatGoDate(date: Date): string {
  const ms = date.getTime()
  const seconds = Math.floor(ms / 1000)
  return formatGoTime(seconds, (ms - seconds * 1000) * 1_000_000)
}

const goTimePattern = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/

/** Says whether the text has the form of a time that Go writes. */
export function isGoTime(text: string): boolean {
  return goTimePattern.test(text)
}

/** The moment that the text names, whatever its time zone; Failure `repository_damaged` where it names none. */
export function parseGoTime(text: string): Moment {
  const match = goTimePattern.exec(text)
  if (match === null) {
    throw new Failure('repository_damaged', `Cannot read time ${JSON.stringify(text)}: expected RFC 3339`)
  }
  const [, year, month, day, hour, minute, second, fraction, sign, zoneHour, zoneMinute] = match
  const zone = sign === undefined ? 0 : (Number(zoneHour) * 60 + Number(zoneMinute)) * (sign === '-' ? -60 : 60)
  const seconds =
    dayOf(Number(year), Number(month), Number(day)) * secondsPerDay +
    Number(hour) * 3600 +
    Number(minute) * 60 +
    Number(second) -
    zone
  return { seconds, nanoseconds: fraction === undefined ? 0 : Number(fraction.slice(0, 9).padEnd(9, '0')) }
}

/** Negative where `a` is before `b`, positive where it is after, 0 for the same moment. */
export function compareMoments(a: Moment, b: Moment): number {
  return a.seconds === b.seconds ? a.nanoseconds - b.nanoseconds : a.seconds - b.seconds
}

function two(value: number): string {
  return value < 10 ? `0${value}` : `${value}`
}

function formatFraction(nanoseconds: number): string {
  if (nanoseconds === 0) return ''
  const digits = `${1_000_000_000 + nanoseconds}`
  let end = digits.length
  while (digits.charCodeAt(end - 1) === 48) end--
  return `.${digits.slice(1, end)}`
}

/** The date of a day counted from 1970-01-01, by the civil calendar; years count from March, so that leap days come last. */
function formatDay(day: number): string {
  const shifted = day + 719_468 // Days from 0000-03-01, the start of a 400-year era.
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra =
    ((dayOfEra - ((dayOfEra / 1460) | 0) + ((dayOfEra / 36_524) | 0) - ((dayOfEra / 146_096) | 0)) / 365) | 0
  const dayOfYear = dayOfEra - (365 * yearOfEra + (yearOfEra >> 2) - ((yearOfEra / 100) | 0))
  const monthFromMarch = ((5 * dayOfYear + 2) / 153) | 0
  const dayOfMonth = dayOfYear - (((153 * monthFromMarch + 2) / 5) | 0) + 1
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  if (year < 0 || year > 9999) return formatDay(dayOf(year < 0 ? 0 : 9999, month, dayOfMonth))
  return `${year > 999 ? year : `${year}`.padStart(4, '0')}-${two(month)}-${two(dayOfMonth)}`
}

/** Days from 1970-01-01 to this date; days past the end of the month run on into the next. */
function dayOf(year: number, month: number, dayOfMonth: number): number {
  const shiftedYear = month <= 2 ? year - 1 : year
  const era = Math.floor(shiftedYear / 400)
  const yearOfEra = shiftedYear - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + dayOfMonth - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

import { InvalidArgumentError } from 'commander'

/** A point of time: "2026-11-23 08:30:00" is local time, RFC 3339 may name its zone, a date alone begins at midnight. */
export function parseTime(text: string): Date {
  const match = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?(Z|[+-]\d\d:\d\d)?$/i.exec(text)
  const time =
    match === null ? new Date(Number.NaN) : new Date(`${match[1]}T${match[2] ?? '00:00:00'}${match[3] ?? ''}`)
  if (!Number.isNaN(time.getTime())) return time
  throw new InvalidArgumentError('Expected a time such as "2026-11-23 08:30:00".')
}

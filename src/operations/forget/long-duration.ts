import { Failure } from '../../base/failure.ts'

/** A span of calendar time, in restic's words: "1y5m7d2h". Months and years are of the calendar, not of a fixed length. */
export interface LongDuration {
  readonly years: number
  readonly months: number
  readonly days: number
  readonly hours: number
}

const units = { y: 'years', m: 'months', d: 'days', h: 'hours' } as const

/** Reads "6y5m234d37h"; a unit named twice counts as its last. Failure `usage` for anything else and for negative numbers. */
export function parseLongDuration(text: string): LongDuration {
  const duration = { years: 0, months: 0, days: 0, hours: 0 }
  const trimmed = text.trim()
  if (!/^(\d+[ymdh])*$/.test(trimmed))
    throw new Failure('usage', `Cannot read duration "${text}": expected numbers with y, m, d or h behind them`, {
      facts: { hint: 'An example is "1y5m7d2h"' },
    })
  for (const [, number, unit] of trimmed.matchAll(/(\d+)([ymdh])/g))
    duration[units[unit as keyof typeof units]] = Number(number)
  return duration
}

/** The duration as restic writes it, e.g. "1y5m7d2h"; nothing of it is "". */
export function formatLongDuration(duration: LongDuration): string {
  return Object.entries(units)
    .map(([letter, unit]) => (duration[unit] === 0 ? '' : `${duration[unit]}${letter}`))
    .join('')
}

/** Whether the duration is of no length, which stands for "not asked for". */
export function isZeroDuration(duration: LongDuration | undefined): boolean {
  return duration === undefined || formatLongDuration(duration) === ''
}

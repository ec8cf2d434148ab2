import { Failure } from '../../base/failure.ts'
import { formatDay } from '../../model/age.ts'

/** The time that a report is about. */
export interface ReportPeriod {
  readonly kind: 'month' | 'year' | 'drill'
  /** "November 2026", "2026", "Recovery drill run-…". */
  readonly title: string
  readonly from: Date
  /** Not in it any more. */
  readonly until: Date
}

/** A month ("2026-11") or a year ("2026"), UTC. Failure `usage` for what is neither. */
export function periodOf(text: string): ReportPeriod {
  const [, year, month] = /^(\d{4})(?:-(0[1-9]|1[0-2]))?$/.exec(text) ?? []
  if (year === undefined) {
    throw new Failure('usage', `Cannot report on "${text}": expected a month such as 2026-11, or a year such as 2026`)
  }
  if (month === undefined) {
    return {
      kind: 'year',
      title: year,
      from: new Date(`${year}-01-01T00:00:00Z`),
      until: new Date(Date.UTC(Number(year) + 1, 0, 1)),
    }
  }
  const from = new Date(`${year}-${month}-01T00:00:00Z`)
  const name = from.toLocaleString('en', { month: 'long', timeZone: 'UTC' })
  return { kind: 'month', title: `${name} ${year}`, from, until: new Date(Date.UTC(Number(year), Number(month), 1)) }
}

/** Whether a report of it that is written at this moment lacks a part of it. A drill is over when it can be reported. */
export function isUnfinished({ kind, until }: ReportPeriod, at: Date): boolean {
  return kind !== 'drill' && at < until
}

/** Failure `usage` where nothing of the time has come yet. */
export function requireBegun({ title, from }: ReportPeriod, at: Date): void {
  if (at >= from) return
  throw new Failure('usage', `Cannot report on ${title}: it begins on ${formatDay(from)}`)
}

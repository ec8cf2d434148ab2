import { Failure } from '../../base/failure.ts'

/** The time that a report is about. */
export interface ReportPeriod {
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
    return { title: year, from: new Date(`${year}-01-01T00:00:00Z`), until: new Date(Date.UTC(Number(year) + 1, 0, 1)) }
  }
  const from = new Date(`${year}-${month}-01T00:00:00Z`)
  const name = from.toLocaleString('en', { month: 'long', timeZone: 'UTC' })
  return { title: `${name} ${year}`, from, until: new Date(Date.UTC(Number(year), Number(month), 1)) }
}

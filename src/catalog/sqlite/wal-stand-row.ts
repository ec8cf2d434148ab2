import { z } from 'zod'
import { locationNames } from '../../model/policy/policy.ts'
import type { WalMark, WalStand } from '../../model/wal-stand.ts'
import { RowReader } from './row-reader.ts'
import type { Row } from './row-reader.ts'

export const putWalStand = `
  INSERT INTO wal_stands (source, location, system_identifier, timeline, end, since, until, gap_from, marks)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET system_identifier = excluded.system_identifier, timeline = excluded.timeline,
    end = excluded.end, since = excluded.since, until = excluded.until,
    gap_from = excluded.gap_from, marks = excluded.marks`

export function walStandValues(stand: WalStand): readonly (string | number | null)[] {
  const { source, location, systemIdentifier, timeline, end, since, until, gapFrom, marks } = stand
  const times = [since.getTime(), until.getTime(), gapFrom?.getTime() ?? null]
  return [source, location, systemIdentifier, timeline, end.toString(), ...times, marksText(marks)]
}

export function readWalStand(row: Row, path: string): WalStand {
  const reader = new RowReader(row, `stored WAL of "${String(row.source)}" in the catalog "${path}"`)
  const end = reader.text('end')
  return {
    source: reader.text('source'),
    location: reader.oneOf('location', locationNames),
    systemIdentifier: reader.text('system_identifier'),
    timeline: reader.count('timeline'),
    end: /^\d{1,20}$/.test(end) ? BigInt(end) : reader.bad('end', 'a position in decimal digits'),
    since: reader.date('since'),
    until: reader.date('until'),
    ...(row['gap_from'] !== null && { gapFrom: reader.date('gap_from') }),
    ...(row['marks'] !== null && {
      marks: readMarks(reader.text('marks')) ?? reader.bad('marks', 'times and positions'),
    }),
  }
}

function marksText(marks: WalStand['marks']): string | null {
  return marks === undefined ? null : JSON.stringify(marks.map(({ at, end }) => [at.getTime(), end.toString()]))
}

const marksSchema = z.array(z.tuple([z.int(), z.string().regex(/^\d{1,20}$/)]))

function readMarks(text: string): readonly WalMark[] | undefined {
  try {
    return marksSchema.parse(JSON.parse(text)).map(([at, end]) => ({ at: new Date(at), end: BigInt(end) }))
  } catch {
    return undefined // The reader says which row it is.
  }
}

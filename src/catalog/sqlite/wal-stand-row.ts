import { locationNames } from '../../model/policy/policy.ts'
import type { WalStand } from '../../model/wal-stand.ts'
import { RowReader } from './row-reader.ts'
import type { Row } from './row-reader.ts'

export const putWalStand = `
  INSERT INTO wal_stands (source, location, system_identifier, timeline, end, since, until, gap_from)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET system_identifier = excluded.system_identifier, timeline = excluded.timeline,
    end = excluded.end, since = excluded.since, until = excluded.until,
    gap_from = excluded.gap_from`

export function walStandValues(stand: WalStand): readonly (string | number | null)[] {
  const { source, location, systemIdentifier, timeline, end, since, until, gapFrom } = stand
  const times = [since.getTime(), until.getTime(), gapFrom?.getTime() ?? null]
  return [source, location, systemIdentifier, timeline, end.toString(), ...times]
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
  }
}

import { locationNames } from '../../model/policy/policy.ts'
import type { WalStand } from '../../model/wal-stand.ts'
import { RowReader } from './row-reader.ts'
import type { Row } from './row-reader.ts'

export const putWalStand = `
  INSERT INTO wal_stands (source, location, system_identifier, timeline, end, since, until) VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET system_identifier = excluded.system_identifier, timeline = excluded.timeline,
    end = excluded.end, since = excluded.since, until = excluded.until`

export function walStandValues(stand: WalStand): readonly (string | number)[] {
  const { source, location, systemIdentifier, timeline, end, since, until } = stand
  return [source, location, systemIdentifier, timeline, end.toString(), since.getTime(), until.getTime()]
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
  }
}

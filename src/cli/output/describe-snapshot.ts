import { printableName } from '../../base/byte-name.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { formatTime } from './format-time.ts'

/** A snapshot in one line: "snapshot 1234abcd of /home, /etc at 2026-11-23 08:30:00 by root@host". */
export function describeSnapshot(snapshot: Snapshot): string {
  const paths = snapshot.paths.map(printableName).join(', ')
  const who = printableName(`${snapshot.username ?? ''}@${snapshot.hostname ?? ''}`)
  return `snapshot ${snapshot.id.slice(0, 8)} of ${paths} at ${formatTime(snapshot.time)} by ${who}`
}

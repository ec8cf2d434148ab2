import { printableName } from '../../base/byte-name.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { formatBytes } from './format-bytes.ts'
import { formatTime } from './format-time.ts'
import { textTable } from './text-table.ts'

export interface SnapshotTableOptions {
  /** One line for each snapshot, without its paths. */
  readonly compact: boolean
  /** For each snapshot why it stays, where that is to be shown. */
  readonly reasons?: ReadonlyMap<Snapshot, readonly string[]>
}

/** Snapshots as lines of a table. */
export function snapshotTable(
  snapshots: readonly Snapshot[],
  { compact, reasons }: SnapshotTableOptions,
): readonly string[] {
  const separator = compact ? ',' : '\n'
  const columns = [
    { title: 'ID', of: ({ id }: Snapshot) => id.slice(0, 8) },
    { title: 'Time', of: ({ time }: Snapshot) => formatTime(time) },
    { title: 'Host', of: ({ hostname = '' }: Snapshot) => printableName(hostname) },
    { title: 'Tags', of: ({ tags = [] }: Snapshot) => tags.map(printableName).join(separator) },
    ...(reasons === undefined
      ? []
      : [{ title: 'Reasons', of: (snapshot: Snapshot) => (reasons.get(snapshot) ?? []).join(separator) }]),
    ...(compact ? [] : [{ title: 'Paths', of: ({ paths }: Snapshot) => paths.map(printableName).join('\n') }]),
    { title: 'Size', align: 'right' as const, of: sizeOf },
  ]
  return textTable(
    columns,
    snapshots.map((snapshot) => columns.map((column) => column.of(snapshot))),
  )
}

function sizeOf({ summary }: Snapshot): string {
  return summary === undefined ? '' : formatBytes(summary.total_bytes_processed)
}

import { WalScanner, type WalEvent } from './wal-scanner.ts'
import type { Lsn } from './lsn.ts'
import type { SegmentHeader } from './wal-segment-header.ts'

/** What is worth knowing of a segment without reading it again. */
export interface SegmentFacts {
  /** Times of the ends of transactions in it, microseconds since 1970; undefined where none ended. */
  readonly firstEndUs: bigint | undefined
  readonly lastEndUs: bigint | undefined
  /** How many transactions ended in it. */
  readonly ends: number
  /** Restore points that begin in it. */
  readonly restorePoints: readonly { readonly name: string; readonly lsn: Lsn }[]
  /** Whether it has more of them than are named here. */
  readonly moreRestorePoints: boolean
  /** Whether tablespaces are made in it; undefined where that was not looked for. */
  readonly tablespaces: boolean | undefined
  /** The last record that is whole within it. */
  readonly lastRecord: { readonly start: Lsn; readonly end: Lsn } | undefined
}

const restorePointsMax = 100

/** Reads a segment, or the first bytes of one, by itself: a record that reaches over its borders is in no one's facts. */
export function segmentFacts(bytes: Uint8Array, header: SegmentHeader): SegmentFacts {
  let [firstEndUs, lastEndUs]: (bigint | undefined)[] = []
  let ends = 0
  const restorePoints: { name: string; lsn: Lsn }[] = []
  let moreRestorePoints = false
  const onEvent = (event: WalEvent): void => {
    if (event.kind === 'restore point') {
      if (restorePoints.length < restorePointsMax) restorePoints.push({ name: event.name, lsn: event.lsn })
      else moreRestorePoints = true
      return
    }
    ends += 1
    if (firstEndUs === undefined || event.atUs < firstEndUs) firstEndUs = event.atUs
    if (lastEndUs === undefined || event.atUs > lastEndUs) lastEndUs = event.atUs
  }
  let makesTablespaces = false
  const onTablespace = (): void => {
    makesTablespaces = true
  }
  const scanner = new WalScanner({ ...header, onEvent, onTablespace })
  scanner.feed(bytes)
  const tablespaces = makesTablespaces || scanner.cutTablespace !== undefined
  return { firstEndUs, lastEndUs, ends, restorePoints, moreRestorePoints, tablespaces, lastRecord: scanner.lastRecord }
}

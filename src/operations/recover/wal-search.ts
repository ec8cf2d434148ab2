import { throwIfStopped } from '../../base/abort.ts'
import { Failure } from '../../base/failure.ts'
import type { Lsn } from '../../sources/postgresql/lsn.ts'
import { WalScanner, type WalEvent } from '../../sources/postgresql/wal-scanner.ts'
import { readSegmentHeader } from '../../sources/postgresql/wal-segment-header.ts'
import type { WalArchive } from '../wal/wal-archive.ts'
import type { WalEntry } from '../wal/wal-store.ts'

/** What a stretch of stored WAL holds. */
export interface WalFindings {
  readonly events: readonly WalEvent[]
  /** The last record that is whole. */
  readonly lastRecord: { readonly start: Lsn; readonly end: Lsn } | undefined
}

/** A record of 1 GiB, PostgreSQL's largest, in segments of 16 MiB. */
const entriesBackMax = 66

/** Reads stored segments in the order of the log, record by record; `wanted` says which events are kept. */
export async function scanStoredWal(
  archive: WalArchive,
  entries: readonly WalEntry[],
  wanted: (event: WalEvent) => boolean,
  signal: AbortSignal,
): Promise<WalFindings> {
  const events: WalEvent[] = []
  const onEvent = (event: WalEvent): void => {
    if (wanted(event)) events.push(event)
  }
  let scanner: WalScanner | undefined
  let next: Lsn | undefined
  for (const entry of entries) {
    throwIfStopped(signal)
    const file = await archive.getGrown(entry, signal)
    const header = file === undefined ? undefined : readSegmentHeader(file.content)
    if (file === undefined || header === undefined) {
      throw new Failure('repository_damaged', `Cannot read WAL "${entry.objectName}": it is gone, or is no segment`)
    }
    // Segments that only the snapshot holds may lie between.
    if (scanner === undefined || header.start !== next) scanner = new WalScanner({ ...header, onEvent })
    scanner.feed(file.content)
    next = header.start + BigInt(header.segmentBytes)
    if (scanner.isEnded) break
  }
  return { events, lastRecord: scanner?.lastRecord }
}

/**
 * The end of a stretch: its last whole record, and the last end of a transaction, each looked for from the end on as far as
 * there must be one. Undefined where the stretch has none.
 */
export async function endOfStoredWal(
  archive: WalArchive,
  entries: readonly WalEntry[],
  signal: AbortSignal,
): Promise<{ readonly lastRecord: WalFindings['lastRecord']; readonly lastEndUs: bigint | undefined }> {
  let lastRecord: WalFindings['lastRecord']
  let lastEndUs: bigint | undefined
  // Two at once, since a record may reach from one into the other.
  for (let count = 2; lastRecord === undefined && count - 2 < Math.min(entriesBackMax, entries.length); count *= 2) {
    const found = await scanStoredWal(archive, entries.slice(-count), ({ kind }) => kind !== 'restore point', signal)
    lastRecord = found.lastRecord
    lastEndUs = latest(found.events)
  }
  for (let index = entries.length - 1; index >= 0 && lastEndUs === undefined; index--) {
    throwIfStopped(signal)
    lastEndUs = (await archive.header(entries[index]!, signal)).facts?.lastEndUs
  }
  return { lastRecord, lastEndUs }
}

/** The last restore point of this name, found by what the segments' headers tell, else record by record. */
export async function findRestorePoint(
  archive: WalArchive,
  entries: readonly WalEntry[],
  name: string,
  signal: AbortSignal,
): Promise<WalEvent | undefined> {
  const isIt = (event: WalEvent): boolean => event.kind === 'restore point' && event.name === name
  for (let index = entries.length - 1; index >= 0; index--) {
    throwIfStopped(signal)
    const { facts } = await archive.header(entries[index]!, signal)
    const isNamed = facts?.restorePoints.some((point) => point.name === name) ?? false
    if (!isNamed && facts?.moreRestorePoints !== true) continue
    const { events } = await scanStoredWal(archive, entries.slice(index, index + 2), isIt, signal)
    if (events.length > 0) return events.at(-1)
  }
  // One that reaches over the border of two segments is in no header.
  return (await scanStoredWal(archive, entries, isIt, signal)).events.at(-1)
}

function latest(events: readonly WalEvent[]): bigint | undefined {
  return events.reduce<bigint | undefined>(
    (most, { atUs }) => (most === undefined || atUs > most ? atUs : most),
    undefined,
  )
}

import { Failure } from '../../base/failure.ts'
import { crc32c } from './crc32c.ts'
import { formatLsn, type Lsn } from './lsn.ts'
import { WalScanner } from './wal-scanner.ts'
import { longPageHeaderBytes, pageHeaderBytes, readSegmentHeader, type SegmentHeader } from './wal-segment-header.ts'

/** The record of a tablespace that is made, in a segment. */
interface TablespaceRecord {
  readonly start: Lsn
  readonly bytes: number
  /** Whether all of it lies in the segment. */
  readonly isWhole: boolean
}

/** Of a record: where its checksum stands, and the length of its head. */
const checksumAt = 20
const headBytes = 24
/** What stands before the data of a record, by the letter that says how long it is. */
const headsOfData: ReadonlyMap<number, number> = new Map([
  [255, 2],
  [254, 5],
])
const oidBytes = 4

/** Whether tablespaces are made in a segment, or may be: where one would be that reaches over its end. */
export function makesTablespaces(content: Uint8Array): boolean {
  const header = readSegmentHeader(content)
  return header !== undefined && tablespaceRecords(content, header).length > 0
}

/**
 * Changes a segment, in place, so that the tablespaces that are made in it are made inside the data folder that replays
 * it. The log names the folder where production has them: replay would write there, over production's own files where they
 * are on the same machine, and fail where they are not. Answers whether something was changed.
 *
 * Failure `unsupported` where such a record reaches over the end of the segment. One of which even the head is cut
 * there is not seen: that takes a boundary within 16 certain bytes.
 */
export function keepTablespacesInside(content: Buffer): boolean {
  const header = readSegmentHeader(content)
  if (header === undefined) return false
  let isChanged = false
  for (const record of tablespaceRecords(content, header)) {
    const places = record.isWhole ? placesOf(record, header) : undefined
    if (places === undefined || places.length < record.bytes) throw cut(record)
    const bytes = Buffer.from(places.map((place) => content[place]!))
    const path = pathOf(bytes)
    if (path === undefined || path[0] === 0) continue
    path.fill(0)
    bytes.writeUInt32LE(crc32c([bytes.subarray(headBytes), bytes.subarray(0, checksumAt)]), checksumAt)
    for (const [at, place] of places.entries()) content[place] = bytes[at]!
    isChanged = true
  }
  return isChanged
}

function tablespaceRecords(content: Uint8Array, header: SegmentHeader): TablespaceRecord[] {
  const records: TablespaceRecord[] = []
  const scanner = new WalScanner({
    ...header,
    onEvent: () => {},
    onTablespace: (record) => records.push({ ...record, isWhole: true }),
  })
  scanner.feed(content)
  const cutOff = scanner.cutTablespace
  if (cutOff !== undefined) records.push({ ...cutOff, isWhole: false })
  return records
}

/** Where in the segment each byte of a record lies: the heads of pages come between. */
function placesOf({ start, bytes }: TablespaceRecord, header: SegmentHeader): number[] {
  const places: number[] = []
  for (let place = Number(start - header.start); places.length < bytes && place < header.segmentBytes; place++) {
    if (place % header.blockBytes === 0) place += place === 0 ? longPageHeaderBytes : pageHeaderBytes
    places.push(place)
  }
  return places
}

/** The path in the record, which goes to its end. */
function pathOf(record: Buffer): Buffer | undefined {
  const head = headsOfData.get(record[headBytes] ?? 0)
  return head === undefined ? undefined : record.subarray(headBytes + head + oidBytes)
}

function cut({ start }: TablespaceRecord): Failure {
  return new Failure(
    'unsupported',
    `Cannot replay the making of a tablespace at ${formatLsn(start)}: its record is cut by the end of the segment, and would be replayed where production has it`,
    { facts: { hint: 'Choose a target before it, or one behind a later snapshot' } },
  )
}

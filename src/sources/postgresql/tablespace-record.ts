import { Failure } from '../../base/failure.ts'
import { crc32c } from './crc32c.ts'
import { formatLsn, type Lsn } from './lsn.ts'
import { tablespaceRecordBytesMax, WalScanner } from './wal-scanner.ts'
import {
  isContinuation,
  longPageHeaderBytes,
  pageHeaderBytes,
  readSegmentHeader,
  type SegmentHeader,
} from './wal-segment-header.ts'

/** Of a record: where its checksum stands, and the length of its head. */
const checksumAt = 20
const headBytes = 24
/** What stands before the data of a record, by the letter that says how long it is. */
const headsOfData: ReadonlyMap<number, number> = new Map([
  [255, 2],
  [254, 5],
])
const oidBytes = 4

/** What must be looked at so that all tablespaces are found that a segment has a part in making. */
export interface TablespaceSigns {
  /** Whether there is anything to look at. */
  readonly any: boolean
  /** Its first record began in the segment before it, and may make one. */
  readonly before: boolean
  /** Its last record goes on in the segment behind it, and may make one. */
  readonly after: boolean
}

/** The segments on both sides of one, whole, as far as they are needed and there are any. */
export interface NeighbourSegments {
  readonly before?: Uint8Array | undefined
  readonly after?: Uint8Array | undefined
}

export function tablespaceSigns(content: Uint8Array): TablespaceSigns {
  const header = readSegmentHeader(content)
  if (header === undefined) return { any: false, before: false, after: false }
  let isMade = false
  const onTablespace = (): void => {
    isMade = true
  }
  const scanner = new WalScanner({ ...header, onEvent: () => {}, onTablespace })
  scanner.feed(content)
  const before = mayContinueTablespace(content)
  const after = scanner.cutTablespace !== undefined
  return { any: isMade || before || after, before, after }
}

/**
 * Whether a segment begins with the rest of a record that may make a tablespace: it ends with a path, or the end of one, and a
 * zero. Many other records are cut by segments, and to look at the one before costs as much as to fetch it.
 */
export function mayContinueTablespace(content: Uint8Array): boolean {
  const view = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  if (readSegmentHeader(content) === undefined || (view.readUInt16LE(2) & isContinuation) === 0) return false
  const bytes = view.readUInt32LE(16)
  const rest = view.subarray(longPageHeaderBytes, longPageHeaderBytes + bytes)
  if (bytes === 0 || bytes > tablespaceRecordBytesMax || rest.at(-1) !== 0) return false
  const text = rest.subarray(0, -1)
  const last = text.findLastIndex((byte) => byte < 9 || (byte > 13 && byte < 32))
  return last < 0 || text.includes('/', last + 1)
}

/**
 * Changes a segment, in place, so that the tablespaces that are made in it are made inside the data folder that replays
 * it. The log names the folder where production has them: replay would write there, over production's own files where they
 * are on the same machine, and fail where they are not. Answers whether something was changed. A record that reaches over
 * an end of the segment is changed in both, each time by the one that is given: the other is for looking at.
 *
 * Failure `unsupported` where such a record goes on in a segment that is not given.
 */
export function keepTablespacesInside(content: Buffer, { before, after }: NeighbourSegments = {}): boolean {
  const header = readSegmentHeader(content)
  if (header === undefined) return false
  const size = BigInt(header.segmentBytes)
  const parts = [
    ...(isAt(before, header.start - size) && before.length === header.segmentBytes ? [before] : []),
    content,
    ...(isAt(after, header.start + size) && content.length === header.segmentBytes ? [after] : []),
  ]
  // Where the one before ends early, it has no record that goes on here.
  return changeRecords(parts, content, header) ?? changeRecords(parts.slice(parts.indexOf(content)), content, header)!
}

function isAt(segment: Uint8Array | undefined, start: Lsn): segment is Uint8Array {
  return segment !== undefined && readSegmentHeader(segment)?.start === start
}

/** Undefined where the log ends in the parts before the one that is to be changed. */
function changeRecords(parts: readonly Uint8Array[], content: Buffer, header: SegmentHeader): boolean | undefined {
  const at = parts.slice(0, parts.indexOf(content)).reduce((sum, part) => sum + part.length, 0)
  const joined = parts.length === 1 ? content : Buffer.concat(parts)
  const start = header.start - BigInt(at)
  const records: { readonly start: Lsn; readonly bytes: number }[] = []
  const scanner = new WalScanner({
    ...header,
    start,
    onEvent: () => {},
    onTablespace: (record) => records.push(record),
  })
  scanner.feed(joined)
  if (at > 0 && (scanner.lastRecord === undefined || (scanner.isEnded && scanner.lastRecord.end < header.start)))
    return undefined
  const cutOff = scanner.cutTablespace
  if (cutOff?.isCertain === true && cutOff.start < header.start + BigInt(content.length)) throw cut(cutOff)
  let isChanged = false
  for (const record of records) {
    const places = placesOf(record.bytes, Number(record.start - start), header)
    const bytes = Buffer.from(places.map((place) => joined[place]!))
    const path = pathOf(bytes)
    if (path === undefined || path.every((byte) => byte === 0)) continue // It was changed before.
    path.fill(0)
    bytes.writeUInt32LE(crc32c([bytes.subarray(headBytes), bytes.subarray(0, checksumAt)]), checksumAt)
    for (const [byte, place] of places.entries()) {
      if (place < at || place >= at + content.length) continue
      content[place - at] = bytes[byte]!
      isChanged = true
    }
  }
  return isChanged
}

/** Where each byte of a record lies: the heads of pages come between. */
function placesOf(bytes: number, first: number, header: SegmentHeader): number[] {
  const places: number[] = []
  for (let place = first; places.length < bytes; place++) {
    if (place % header.segmentBytes === 0) place += longPageHeaderBytes
    else if (place % header.blockBytes === 0) place += pageHeaderBytes
    places.push(place)
  }
  return places
}

/** The path in the record, which goes to its end. */
function pathOf(record: Buffer): Buffer | undefined {
  const head = headsOfData.get(record[headBytes] ?? 0)
  return head === undefined ? undefined : record.subarray(headBytes + head + oidBytes)
}

function cut({ start }: { readonly start: Lsn }): Failure {
  return new Failure(
    'unsupported',
    `Cannot replay the making of a tablespace at ${formatLsn(start)}: its record goes on in the next segment, which is not stored, and would be replayed where production has it`,
    { facts: { hint: 'Choose a target before it, or one behind a later snapshot' } },
  )
}

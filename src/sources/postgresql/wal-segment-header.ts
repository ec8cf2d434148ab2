import { isSegmentBytes } from './wal-name.ts'
import type { Lsn } from './lsn.ts'

/** What the first page of a segment says of it. */
export interface SegmentHeader {
  readonly systemIdentifier: string
  readonly timeline: number
  /** Where the segment begins. */
  readonly start: Lsn
  readonly segmentBytes: number
  readonly blockBytes: number
}

/** Bytes of the header of the first page in a segment, and of every other page. */
export const longPageHeaderBytes = 40
export const pageHeaderBytes = 24
export const isContinuation = 0x0001
export const isLongHeader = 0x0002
export const isOverwrittenContinuation = 0x0008

/** The header of a segment; undefined where these bytes do not begin one. */
export function readSegmentHeader(bytes: Uint8Array): SegmentHeader | undefined {
  if (bytes.length < longPageHeaderBytes) return undefined
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, longPageHeaderBytes)
  const header = {
    systemIdentifier: view.readBigUInt64LE(24).toString(),
    timeline: view.readUInt32LE(4),
    start: view.readBigUInt64LE(8),
    segmentBytes: view.readUInt32LE(32),
    blockBytes: view.readUInt32LE(36),
  }
  // The magic number tells the major version: 0xD110 is 15's, and each one since has counted on.
  const isMagic = view.readUInt16LE(0) >= 0xd000 && view.readUInt16LE(0) < 0xe000
  const isWhole = (view.readUInt16LE(2) & isLongHeader) !== 0 && header.timeline > 0
  if (!isMagic || !isWhole || !isSegmentBytes(header.segmentBytes)) return undefined
  if (header.start % BigInt(header.segmentBytes) !== 0n) return undefined
  const isBlock =
    Number.isInteger(Math.log2(header.blockBytes)) && header.blockBytes >= 1024 && header.blockBytes <= 65_536
  return isBlock ? header : undefined
}

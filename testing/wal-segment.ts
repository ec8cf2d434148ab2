import { segmentName, segmentStart } from '../src/sources/postgresql/wal-name.ts'
import type { WalFile } from '../src/operations/wal/wal-store.ts'

export const sampleSystem = '7300000000000000001'
export const sampleSegmentBytes = 2 ** 20

export interface SampleSegment {
  readonly timeline?: number
  readonly segment: number
  /** Fills what is behind the header. */
  readonly fill?: number
  /** When the one transaction in it ended, microseconds since 1970; none where it is not given. */
  readonly endUs?: bigint
  /** A restore point in it. */
  readonly restorePoint?: string
  /** Only so many bytes of it. */
  readonly partBytes?: number
  readonly systemIdentifier?: string
}

/** A segment of 1 MiB as a server of version 18 could write it, for tests that need no server. */
export function sampleSegment(options: SampleSegment): WalFile {
  const { timeline = 1, segment, fill = 0, partBytes, systemIdentifier = sampleSystem } = options
  const content = Buffer.alloc(sampleSegmentBytes, fill)
  content.fill(0, 0, 40)
  content.writeUInt16LE(0xd118, 0)
  content.writeUInt16LE(2, 2)
  content.writeUInt32LE(timeline, 4)
  content.writeBigUInt64LE(segmentStart(segment, sampleSegmentBytes), 8)
  content.writeBigUInt64LE(BigInt(systemIdentifier), 24)
  content.writeUInt32LE(sampleSegmentBytes, 32)
  content.writeUInt32LE(8192, 36)
  let at = 40
  let previous = 0n
  const record = (manager: number, info: number, data: Buffer): void => {
    const length = 26 + data.length
    content.fill(0, at, at + length + 7)
    content.writeUInt32LE(length, at)
    content.writeUInt32LE(segment, at + 4)
    content.writeBigUInt64LE(previous, at + 8)
    content[at + 16] = info
    content[at + 17] = manager
    content[at + 24] = 255
    content[at + 25] = data.length
    data.copy(content, at + 26)
    previous = segmentStart(segment, sampleSegmentBytes) + BigInt(at)
    at = (at + length + 7) & ~7
  }
  if (options.endUs !== undefined) record(1, 0, int64(options.endUs - 946_684_800_000_000n))
  if (options.restorePoint !== undefined) {
    const name = Buffer.alloc(64)
    name.write(options.restorePoint)
    record(0, 0x70, Buffer.concat([int64(0n), name]))
  }
  content.writeUInt32LE(0, at)
  const name = segmentName(timeline, segment, sampleSegmentBytes)
  if (partBytes === undefined) return { systemIdentifier, name, content, isPart: false }
  return { systemIdentifier, name, content: content.subarray(0, partBytes), isPart: true }
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(value)
  return bytes
}

/** What of a global/pg_control is read, of the cluster that sample segments are of; everything else is zero. */
export function sampleControlFile(): Buffer {
  const bytes = Buffer.alloc(8192)
  const mark = 216
  bytes.writeBigUInt64LE(BigInt(sampleSystem), 0)
  bytes.writeUInt32LE(100, mark - 32)
  bytes.writeUInt32LE(64, mark - 16)
  bytes.writeUInt32LE(8, mark - 8)
  bytes.writeDoubleLE(1_234_567, mark)
  bytes.writeUInt32LE(8192, mark + 8)
  bytes.writeUInt32LE(sampleSegmentBytes, mark + 20)
  bytes.writeUInt32LE(1, mark + 44)
  return bytes
}

import { Failure } from '../base/failure.ts'
import type { PackedBlob } from '../model/blob.ts'
import { idBytes } from '../model/id.ts'

/**
 * The table of contents at the end of a pack (restic doc/design.rst, "Pack Format"):
 * sealed blobs | sealed header | length of the sealed header, four bytes, little-endian.
 * This file knows the plain header; sealing it is the caller's.
 */

/** Bytes that sealing adds to anything: initialisation vector and authenticator. */
const sealedOverhead = 32
const lengthFieldBytes = 4
const plainEntryBytes = 1 + 4 + idBytes
const compressedEntryBytes = plainEntryBytes + 4

/** restic refuses larger ones. */
export const packHeaderBytesMax = 16 * 1024 * 1024

/** Every blob of one pack fits into its header while it holds no more than these. */
export const packBlobsMax = Math.floor((packHeaderBytesMax - sealedOverhead) / compressedEntryBytes)

/** Bytes to read from the tail of a pack so that a second read is rarely needed. */
export const packTailBytes = 15 * compressedEntryBytes + sealedOverhead + lengthFieldBytes

/** Bytes that the header takes at the end of a pack, sealed, with its length field. */
export function packHeaderBytes(blobs: Iterable<Pick<PackedBlob, 'uncompressedLength'>>): number {
  let bytes = sealedOverhead + lengthFieldBytes
  for (const blob of blobs) bytes += blob.uncompressedLength === undefined ? plainEntryBytes : compressedEntryBytes
  return bytes
}

/** The plain header of a pack that holds these blobs, in this order, without gaps. */
export function encodePackHeader(blobs: readonly PackedBlob[]): Buffer {
  const header = Buffer.allocUnsafe(packHeaderBytes(blobs) - sealedOverhead - lengthFieldBytes)
  let at = 0
  for (const { id, type, length, uncompressedLength } of blobs) {
    if (uncompressedLength === 0)
      throw new Failure('defect', `Cannot write a header: blob "${id}" is empty and compressed`)
    header[at] = (type === 'tree' ? 1 : 0) + (uncompressedLength === undefined ? 0 : 2)
    at = header.writeUInt32LE(length, at + 1)
    if (uncompressedLength !== undefined) at = header.writeUInt32LE(uncompressedLength, at)
    at += header.write(id, at, 'hex')
  }
  return header
}

/** The blobs of a plain header, with the offsets that follow from their lengths. */
export function decodePackHeader(plain: Uint8Array, what: string): PackedBlob[] {
  const header = Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength)
  const blobs: PackedBlob[] = []
  let offset = 0
  for (let at = 0; at < header.length; ) {
    const kind = header[at]!
    const entryBytes = kind >= 2 ? compressedEntryBytes : plainEntryBytes
    if (kind > 3) throw damaged(what, `entry ${blobs.length} has type ${kind}, expected 0 to 3`)
    if (at + entryBytes > header.length) throw damaged(what, `it ends within entry ${blobs.length}`)
    const length = header.readUInt32LE(at + 1)
    blobs.push({
      id: header.toString('hex', at + entryBytes - idBytes, at + entryBytes),
      type: (kind & 1) === 1 ? 'tree' : 'data',
      offset,
      length,
      // To restic a length of 0 means "not compressed", here as in an index.
      uncompressedLength: (kind >= 2 && header.readUInt32LE(at + 5)) || undefined,
    })
    offset += length
    at += entryBytes
  }
  return blobs
}

/** The last four bytes of a pack, which tell the length of the sealed header before them. */
export function encodePackHeaderLength(sealedBytes: number): Buffer {
  const field = Buffer.allocUnsafe(lengthFieldBytes)
  field.writeUInt32LE(sealedBytes)
  return field
}

/** Where a sealed header lies within a pack, bytes from the pack's start. */
export interface PackHeaderPlace {
  readonly start: number
  readonly end: number
}

/**
 * Finds the sealed header from the tail of a pack (its last bytes, four at least) and the pack's whole size.
 * Failure `repository_damaged` where the length field can not be right.
 */
export function locatePackHeader(tail: Uint8Array, packBytes: number, what: string): PackHeaderPlace {
  const leastBytes = plainEntryBytes + sealedOverhead + lengthFieldBytes
  if (packBytes < leastBytes || tail.length < lengthFieldBytes) {
    throw damaged(what, `the pack has ${packBytes} bytes, expected ${leastBytes} or more`)
  }
  const length = Buffer.from(tail.buffer, tail.byteOffset, tail.byteLength).readUInt32LE(tail.length - lengthFieldBytes)
  const end = packBytes - lengthFieldBytes
  if (length < sealedOverhead || length > end || length > packHeaderBytesMax) {
    throw damaged(what, `its length is said to be ${length} in a pack of ${packBytes} bytes`)
  }
  return { start: end - length, end }
}

function damaged(what: string, found: string): Failure {
  return new Failure('repository_damaged', `Cannot read the header of ${what}: ${found}`)
}

import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { Failure } from '../base/failure.ts'
import { zstdFrames } from '../kernels/zstd-frame.ts'
import type { RepositoryVersion } from './config.ts'

/**
 * The plaintext of objects that lie in no pack (indexes, snapshots, locks). Format 1: JSON. Format 2: the byte 2 and
 * JSON in zstd; or JSON, which is told by its first byte. "config" and keys are never wrapped.
 */

const versionByte = 2
const openBracket = 0x5b
const openBrace = 0x7b

/** An index of restic's own size has some 10 MiB; what claims to be larger than this is not read. */
export const unpackedBytesMax = 1024 * 1024 * 1024

/**
 * Pieces in which zlib hands its output over, each a buffer of its own that is joined with the others at the end. Its own
 * 16 KiB make more work of an index of 20 MiB than decompressing it does.
 */
const pieceBytesMin = 16 * 1024
const pieceBytesMax = 64 * 1024 * 1024

/** Most of an index is digits of ids: level 1 makes it smaller than level 3 does, in a third of the time. */
const quickly = { [constants.ZSTD_c_compressionLevel]: 1 }

export function encodeUnpacked(json: Uint8Array, version: RepositoryVersion): Uint8Array {
  if (version === 1) return json
  return Buffer.concat([
    Buffer.of(versionByte),
    zstdCompressSync(json, { params: quickly, chunkSize: pieceBytes(json.length / 2) }),
  ])
}

export function decodeUnpacked(plaintext: Uint8Array, version: RepositoryVersion, what: string): Uint8Array {
  const first = plaintext[0]
  if (version === 1 || first === undefined || first === openBracket || first === openBrace) return plaintext
  if (first !== versionByte) {
    throw new Failure('repository_unsupported', `Cannot read ${what}: its encoding is ${first}, expected JSON or 2`)
  }
  try {
    const frames = plaintext.subarray(1)
    return zstdDecompressSync(frames, {
      maxOutputLength: unpackedBytesMax,
      chunkSize: pieceBytes(contentBytes(frames)),
    })
  } catch (cause) {
    throw new Failure('repository_damaged', `Cannot read ${what}: it does not decompress`, { cause })
  }
}

/** What the frames say that they hold, and a byte more, since output that is full asks for more; a guess where they do not say. */
function contentBytes(bytes: Uint8Array): number {
  const found = zstdFrames(bytes)
  const frames = found.kind === 'whole' ? found.frames : []
  return frames.reduce((sum, frame) => sum + (frame.contentBytes ?? 4 * (frame.end - frame.start)), 1)
}

function pieceBytes(bytesExpected: number): number {
  return Math.max(pieceBytesMin, Math.min(pieceBytesMax, Math.ceil(bytesExpected)))
}

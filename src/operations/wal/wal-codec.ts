import { hash } from 'node:crypto'
import { Failure, isFailure } from '../../base/failure.ts'
import type { RandomBytes } from '../../base/random.ts'
import { KernelMemory } from '../../kernels/kernel-memory.ts'
import { type MasterKey, Opener, Sealer, sealedOverhead } from '../../kernels/seal.ts'
import { compressedBytesMax, ZstdCompressor, ZstdDecompressor } from '../../kernels/zstd.ts'
import { decodeWalHeader, encodeWalHeader, headerBytesMax, type WalHeader } from './wal-header.ts'

/**
 * A stored file of the write-ahead log:
 *
 *   "ZKWAL001" | length of the sealed header, 4 bytes little-endian | length of the sealed content, 4 bytes
 *   | sealed header | sealed content | SHA-256 of all before
 *
 * Both seals are restic's, under the generation's master key. The digest at the end lets anybody who has no key tell
 * damage; the header, which is authenticated, says which file it is, and holds the digest of the content.
 */
const magic = Buffer.from('ZKWAL001')
export const frontBytes = 16
const digestBytes = 32
/** For WAL, zstd's own level 1 takes little more than half the time of the setting for files, for 2 per cent more bytes. */
const zstdLevel = 1
/** PostgreSQL's largest segment. */
const contentBytesMax = 2 ** 30

/** What of a file is sealed with it. */
export type WalHeaderFields = Omit<WalHeader, 'bytes' | 'sha256' | 'compression'>

export interface OpenedWal {
  readonly header: WalHeader
  readonly content: Buffer
}

/** Says whether these bytes are those that were stored, without any key. */
export function isIntactWal(object: Uint8Array): boolean {
  const end = object.length - digestBytes
  if (end < frontBytes || !Buffer.from(object.buffer, object.byteOffset, magic.length).equals(magic)) return false
  return hash('sha256', object.subarray(0, end), 'buffer').equals(object.subarray(end))
}

/** Seals and opens stored WAL files under one key. Its methods do not overlap: they return before they give way. */
export class WalCodec implements Disposable {
  readonly #key: MasterKey
  readonly #random: RandomBytes
  #memory: KernelMemory | undefined
  #compressor: ZstdCompressor | undefined
  #decompressor: ZstdDecompressor | undefined

  constructor(key: MasterKey, random: RandomBytes) {
    this.#key = key
    this.#random = random
  }

  /** The object for a file, in a buffer of its own. */
  seal(fields: WalHeaderFields, content: Uint8Array): Buffer {
    if (content.length > contentBytesMax) throw new Failure('defect', `Cannot seal ${content.length} bytes of WAL`)
    const memory = this.#memoryOf(frontBytes + headerBytesMax + compressedBytesMax(content.length) + 4 * sealedOverhead)
    // The content is compressed where its ciphertext will lie; the header, whose length depends on that, goes before it.
    const contentAt = memory.start + frontBytes + headerBytesMax + sealedOverhead
    const room = memory.bytes.subarray(contentAt + 16, contentAt + 16 + compressedBytesMax(content.length))
    const compressed = content.length === 0 ? -1 : this.#compressorOf().compress(content, room)
    const isSmaller = compressed >= 0 && compressed < content.length
    if (!isSmaller) memory.bytes.set(content, contentAt + 16)
    const header = encodeWalHeader({
      ...fields,
      bytes: content.length,
      sha256: hash('sha256', content),
      compression: isSmaller ? 'zstd' : 'none',
    })
    if (header.length + sealedOverhead > headerBytesMax) throw new Failure('defect', 'A WAL header is too long')
    const sealer = new Sealer(memory, this.#key, () => this.#random(16))
    const plainBytes = isSmaller ? compressed : content.length
    const contentBytes = sealer.seal(memory.view(contentAt + 16, contentAt + 16 + plainBytes), contentAt)
    const headerAt = memory.start + frontBytes
    const headerBytes = sealer.seal(header, headerAt)
    return assemble(memory.view(headerAt, headerAt + headerBytes), memory.view(contentAt, contentAt + contentBytes))
  }

  /**
   * The file in an object. Failure `repository_damaged` where the bytes are not those that were stored, or are not what
   * their header says; `key_wrong` where they are, but were sealed under another key. The content may lie in `into`, where it
   * has room for it: a caller with many files in turn spares a large buffer for each.
   */
  open(object: Uint8Array, what: string, into?: Buffer): OpenedWal {
    if (!isIntactWal(object)) throw damaged(what, 'its digest does not match')
    const header = this.openHeader(object, what)
    const view = Buffer.from(object.buffer, object.byteOffset, object.byteLength)
    const contentAt = frontBytes + view.readUInt32LE(8)
    const contentEnd = contentAt + view.readUInt32LE(12)
    if (contentEnd + digestBytes !== object.length) throw damaged(what, 'its lengths do not match')
    const plain = this.#open(object.subarray(contentAt, contentEnd))
    const content = this.#unpack(plain, header, into)
    if (content === undefined || hash('sha256', content) !== header.sha256)
      throw damaged(what, 'its content does not match')
    return { header, content }
  }

  /** The header alone, from the beginning of an object: headerEnd() says how much of it that is. */
  openHeader(front: Uint8Array, what: string): WalHeader {
    const end = headerEnd(front)
    if (end === undefined || end > front.length) throw damaged(what, 'its beginning is not that of a WAL file')
    try {
      return decodeWalHeader(this.#open(front.subarray(frontBytes, end)))
    } catch (cause) {
      if (!isFailure(cause, 'repository_damaged') || !isIntactWal(front)) throw cause
      throw new Failure('key_wrong', `Cannot open ${what}: it was sealed under another key`, { cause })
    }
  }

  [Symbol.dispose](): void {
    this.#compressor?.close()
    this.#decompressor?.close()
    this.#compressor = undefined
    this.#decompressor = undefined
    this.#memory = undefined
  }

  #open(sealed: Uint8Array): Buffer {
    const memory = this.#memoryOf(sealed.length)
    memory.bytes.set(sealed, memory.start)
    return new Opener(memory, this.#key).open(memory.start, memory.start + sealed.length)
  }

  #unpack(plain: Buffer, header: WalHeader, into: Buffer | undefined): Buffer | undefined {
    if (header.compression === 'none') return plain.length === header.bytes ? plain : undefined
    if (header.bytes > contentBytesMax) return undefined
    const hasRoom = into !== undefined && into.length >= header.bytes
    const content = hasRoom ? into.subarray(0, header.bytes) : Buffer.allocUnsafeSlow(header.bytes)
    this.#decompressor ??= new ZstdDecompressor()
    return this.#decompressor.decompress(plain, content) === header.bytes ? content : undefined
  }

  #compressorOf(): ZstdCompressor {
    this.#compressor ??= new ZstdCompressor(zstdLevel)
    return this.#compressor
  }

  /** Room for so many bytes; what was there before is lost. */
  #memoryOf(bytes: number): KernelMemory {
    if (this.#memory === undefined || this.#memory.end - this.#memory.start < bytes) {
      this.#memory = new KernelMemory({ regionBytes: bytes })
    }
    return this.#memory
  }
}

/** Where the header of an object ends, from its first 16 bytes; undefined where they do not begin one. */
export function headerEnd(front: Uint8Array): number | undefined {
  const view = Buffer.from(front.buffer, front.byteOffset, front.byteLength)
  if (view.length < frontBytes || !view.subarray(0, magic.length).equals(magic)) return undefined
  const bytes = view.readUInt32LE(8)
  return bytes > headerBytesMax ? undefined : frontBytes + bytes
}

function assemble(header: Uint8Array, content: Uint8Array): Buffer {
  const object = Buffer.allocUnsafeSlow(frontBytes + header.length + content.length + digestBytes)
  magic.copy(object)
  object.writeUInt32LE(header.length, 8)
  object.writeUInt32LE(content.length, 12)
  object.set(header, frontBytes)
  object.set(content, frontBytes + header.length)
  const end = object.length - digestBytes
  hash('sha256', object.subarray(0, end), 'buffer').copy(object, end)
  return object
}

function damaged(what: string, found: string): Failure {
  return new Failure('repository_damaged', `Cannot open ${what}: ${found}`)
}

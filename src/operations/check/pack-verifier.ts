import { createHash, hash, type Hash } from 'node:crypto'
import { Failure } from '../../base/failure.ts'
import { toHex } from '../../base/hex.ts'
import type { KernelMemory } from '../../kernels/kernel-memory.ts'
import { Opener, type MasterKey } from '../../kernels/seal.ts'
import { ZstdDecompressor } from '../../kernels/zstd.ts'
import type { PackedBlob } from '../../model/blob.ts'
import type { Id } from '../../model/id.ts'
import { decodePackHeader, locatePackHeader } from '../../repository/pack-header.ts'

/** A pack whose bytes lie at [start, end) of the verifier's memory. */
export interface PackToVerify {
  readonly id: Id
  readonly start: number
  readonly end: number
  /** The plain header that the pack must have, as the index tells it: what the pack's blobs are verified by. */
  readonly header: Uint8Array
}

/** What is told of one pack; a pack of many blobs may have as many faults. */
const faultsMax = 5

/**
 * Verifies whole packs: the SHA-256 that is the name; the header, which must say what the index says; and each blob's
 * seal, compression and SHA-256. All scratch is used again from pack to pack. One a thread.
 */
export class PackVerifier {
  readonly #memory: KernelMemory
  readonly #opener: Opener
  readonly #decompressor = new ZstdDecompressor()
  #opened = Buffer.alloc(0)
  #content = Buffer.alloc(0)

  constructor(memory: KernelMemory, key: MasterKey) {
    this.#memory = memory
    this.#opener = new Opener(memory, key)
  }

  /** What is wrong with the pack, for a person; empty where nothing is. */
  verify(pack: PackToVerify): string[] {
    const faults: string[] = []
    let more = 0
    const check = (part: () => string | undefined): void => {
      const fault = part()
      if (fault === undefined) return
      if (faults.length < faultsMax) faults.push(fault)
      else more++
    }
    const name = new PackHash(this.#memory.view(pack.start, pack.end))
    for (const blob of decodePackHeader(pack.header, `the index's entry of pack "${pack.id}"`)) {
      name.reach(blob.offset + blob.length)
      check(() => this.#checkBlob(pack, blob))
    }
    check(() => this.#checkHeader(pack))
    check(() => {
      const found = name.end()
      return found === pack.id ? undefined : `the SHA-256 of its bytes is "${found}"`
    })
    if (more > 0) faults.push(`and ${more} more faults`)
    return faults
  }

  #checkHeader({ id, start, end, header }: PackToVerify): string | undefined {
    try {
      const place = locatePackHeader(
        this.#memory.bytes.subarray(end - Math.min(4, end - start), end),
        end - start,
        `pack "${id}"`,
      )
      const found = this.#opener.open(start + place.start, start + place.end)
      return Buffer.compare(found, header) === 0 ? undefined : 'its header lists other blobs than the index'
    } catch (error) {
      return `its header can not be read: ${damageOf(error)}`
    }
  }

  #checkBlob({ start, end }: PackToVerify, blob: PackedBlob): string | undefined {
    const from = start + blob.offset
    try {
      if (from + blob.length > end) return `blob "${blob.id}" lies behind its end`
      this.#opened = roomFor(this.#opened, blob.length)
      const openedBytes = this.#opener.openInto(from, from + blob.length, this.#opened, 0)
      const content = this.#decompress(this.#opened.subarray(0, openedBytes), blob)
      const found = hash('sha256', content, 'buffer')
      return toHex(found) === blob.id ? undefined : `the SHA-256 of blob "${blob.id}" is "${toHex(found)}"`
    } catch (error) {
      return `blob "${blob.id}": ${damageOf(error)}`
    }
  }

  #decompress(opened: Uint8Array, blob: PackedBlob): Uint8Array {
    if (blob.uncompressedLength === undefined) return opened
    this.#content = roomFor(this.#content, blob.uncompressedLength)
    const target = this.#content.subarray(0, blob.uncompressedLength)
    const bytes = this.#decompressor.decompress(opened, target)
    if (bytes === blob.uncompressedLength) return target
    throw new Failure('repository_damaged', `its content has ${bytes} bytes, expected ${blob.uncompressedLength}`)
  }

  close(): void {
    this.#decompressor.close()
  }
}

/** Bytes hashed at once: few calls, and they still lie in the processor's cache when the blob in them is verified. */
const hashStepBytes = 256 * 1024

/** SHA-256 of a pack, made bit by bit beside the verification of its blobs: each byte comes from memory once. */
class PackHash {
  readonly #bytes: Uint8Array
  readonly #hash: Hash = createHash('sha256')
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Hashes on until this offset at least. */
  reach(offset: number): void {
    if (offset <= this.#at) return
    const to = Math.min(this.#bytes.length, Math.max(offset, this.#at + hashStepBytes))
    this.#hash.update(this.#bytes.subarray(this.#at, to))
    this.#at = to
  }

  end(): string {
    this.reach(this.#bytes.length)
    return this.#hash.digest('hex')
  }
}

function damageOf(error: unknown): string {
  if (error instanceof Failure && error.code === 'repository_damaged') return error.message
  throw error
}

/** The buffer, or a larger one. Larger ones are rare: they grow by doubling. */
function roomFor(buffer: Buffer<ArrayBuffer>, bytes: number): Buffer<ArrayBuffer> {
  return buffer.length >= bytes ? buffer : Buffer.allocUnsafeSlow(Math.max(bytes, 2 * buffer.length, 2 * 1024 * 1024))
}

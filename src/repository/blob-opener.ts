import { hash } from 'node:crypto'
import { Failure } from '../base/failure.ts'
import { KernelMemory } from '../kernels/kernel-memory.ts'
import { type MasterKey, Opener, sealedOverhead } from '../kernels/seal.ts'
import { ZstdDecompressor } from '../kernels/zstd.ts'
import type { BlobType } from '../model/blob.ts'
import type { Id } from '../model/id.ts'

/** What must be known of a blob to open it. */
export interface SealedBlob {
  readonly id: Id
  readonly type: BlobType
  readonly uncompressedLength: number | undefined
}

/**
 * What is verified of a blob: its seal and the SHA-256 that it is named by; or, for whoever hashes the content later all
 * the same, the seal alone: it tells everything but a blob that was wrong when it was stored, and one that lies in the place of
 * another of its length.
 */
export type BlobCheck = 'content' | 'seal'

/**
 * The way from a sealed blob back to its plaintext: the seal is verified, the content decompressed, and its
 * SHA-256 compared with the blob's id. Everything that fails is Failure `repository_damaged`. One a thread.
 */
export class BlobOpener {
  readonly #key: MasterKey
  readonly #decompressor = new ZstdDecompressor()
  /** Decompressed bytes: kept from call to call, since fresh pages cost more than the work done in them. */
  #content = Buffer.alloc(0)
  #memory: KernelMemory
  #opener: Opener

  /** `memory`: where the sealed blobs lie for openAt(). For open() alone, scratch memory is made. */
  constructor(key: MasterKey, memory = new KernelMemory({ regionBytes: scratchBytes })) {
    this.#key = key
    this.#memory = memory
    this.#opener = new Opener(memory, key)
  }

  /** Opens a blob whose sealed bytes are anywhere. The opener must have been made without a memory. */
  open(sealed: Uint8Array, blob: SealedBlob): Buffer {
    if (sealed.length > this.#memory.end - this.#memory.start) {
      this.#memory = new KernelMemory({ regionBytes: sealed.length })
      this.#opener = new Opener(this.#memory, this.#key)
    }
    const { start } = this.#memory
    this.#memory.bytes.set(sealed, start)
    return Buffer.from(this.openAt(start, start + sealed.length, blob))
  }

  /**
   * Opens a blob whose sealed bytes are [start, end) of the memory, in place: the sealed bytes are gone after it, and
   * the answer is good until the next call.
   */
  openAt(start: number, end: number, blob: SealedBlob, check: BlobCheck = 'content'): Buffer {
    const content = this.#contentAt(start, end, blob)
    if (check === 'seal') return content
    const found = hash('sha256', content)
    if (found !== blob.id) {
      throw damaged(blob, `the SHA-256 of its content is "${found}"`)
    }
    return content
  }

  /** Frees native memory; no call may follow. */
  close(): void {
    this.#decompressor.close()
  }

  #contentAt(start: number, end: number, blob: SealedBlob): Buffer {
    try {
      const at = start + (sealedOverhead >> 1) // Where the ciphertext lies.
      const length = this.#opener.openInto(start, end, this.#memory.bytes, at)
      const opened = Buffer.from(this.#memory.buffer, at, length)
      const { uncompressedLength } = blob
      if (uncompressedLength === undefined) return opened
      if (this.#content.length < uncompressedLength) this.#content = Buffer.allocUnsafeSlow(roundUp(uncompressedLength))
      const content = this.#content.subarray(0, uncompressedLength)
      const contentLength = this.#decompressor.decompress(opened, content)
      if (contentLength === uncompressedLength) return content
      throw damaged(blob, `its content has ${contentLength} bytes, expected ${uncompressedLength}`)
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'repository_damaged') throw error
      throw error.message.startsWith(messageStart(blob)) ? error : damaged(blob, error.message, error)
    }
  }
}

/** So that a little larger blob needs no new memory. */
function roundUp(bytes: number): number {
  return Math.ceil(bytes / (1024 * 1024)) * 1024 * 1024
}

/** Larger than any blob of a file; trees of huge directories grow it. Pages that are not touched cost nothing. */
const scratchBytes = 16 * 1024 * 1024 + sealedOverhead

function messageStart(blob: SealedBlob): string {
  return `Cannot open ${blob.type} blob "${blob.id}"`
}

function damaged(blob: SealedBlob, found: string, cause?: unknown): Failure {
  return new Failure('repository_damaged', `${messageStart(blob)}: ${found}`, { cause })
}

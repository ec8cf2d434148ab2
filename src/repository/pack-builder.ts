import { hash } from 'node:crypto'
import { Failure } from '../base/failure.ts'
import { toHex } from '../base/hex.ts'
import type { KernelMemory } from '../kernels/kernel-memory.ts'
import { type Sealer, sealedOverhead } from '../kernels/seal.ts'
import type { BlobType, PackedBlob } from '../model/blob.ts'
import type { Id } from '../model/id.ts'
import { encodePackHeader, encodePackHeaderLength, packBlobsMax, packHeaderBytes } from './pack-header.ts'

/** A blob to be packed. */
export interface BlobToPack {
  readonly id: Id | Uint8Array
  readonly type: BlobType
  /** What is to be sealed: the blob itself, or its compressed form where `uncompressedLength` is given. */
  readonly bytes: Uint8Array
  readonly uncompressedLength: number | undefined
}

/** A blob that is sealed already, taken over from another pack. */
export interface SealedBlobToPack {
  readonly id: Id | Uint8Array
  readonly type: BlobType
  readonly sealed: Uint8Array
  readonly uncompressedLength: number | undefined
}

/** A finished pack: memory.bytes[start, end) is the object, `id` its name. */
export interface FinishedPack {
  readonly id: Id
  readonly start: number
  readonly end: number
  readonly blobs: readonly PackedBlob[]
}

/**
 * Builds one pack after the other in a region of a kernel memory: blobs sealed side by side, at the end the sealed
 * header that lists them and its length. The caller keeps data and trees in packs of their own, as format 2 wants.
 */
export class PackBuilder {
  readonly #sealer: Sealer
  readonly #memory: KernelMemory
  readonly #start: number
  readonly #end: number
  #at: number
  #blobs: PackedBlob[] = []
  #headerBytes = packHeaderBytes([])

  /** The region is memory.bytes[start, end). */
  constructor(sealer: Sealer, memory: KernelMemory, start: number, end: number) {
    this.#sealer = sealer
    this.#memory = memory
    this.#start = start
    this.#end = end
    this.#at = start
    this.reset()
  }

  /** Bytes of the sealed blobs so far, without the header. */
  get bytesUsed(): number {
    return this.#at - this.#start
  }

  /** Bytes that the pack would have if it were finished now. */
  get packBytes(): number {
    return this.bytesUsed + this.#headerBytes
  }

  get blobCount(): number {
    return this.#blobs.length
  }

  /** Whether a blob with so many bytes to seal fits. */
  hasRoomFor(bytes: number): boolean {
    const entryBytes = packHeaderBytes([{ uncompressedLength: 1 }]) - packHeaderBytes([])
    const packBytes = this.packBytes + bytes + sealedOverhead + entryBytes
    return this.#start + packBytes <= this.#end && this.#blobs.length < packBlobsMax
  }

  /** Seals a blob into the pack. Failure `defect` where there is no room: the caller asks hasRoomFor() before. */
  add(blob: BlobToPack): PackedBlob {
    this.#requireRoom(blob.bytes.length)
    return this.#added(blob, this.#sealer.seal(blob.bytes, this.#at))
  }

  /** Puts a blob into the pack as it was sealed before under the same key. */
  addSealed(blob: SealedBlobToPack): PackedBlob {
    this.#requireRoom(blob.sealed.length - sealedOverhead)
    this.#memory.bytes.set(blob.sealed, this.#at)
    return this.#added(blob, blob.sealed.length)
  }

  /** Seals the header. The pack's bytes stay until reset(); nothing can be added before. */
  finish(): FinishedPack {
    const blobs = this.#blobs
    if (blobs.length === 0) throw new Failure('defect', 'Cannot finish a pack: it holds no blob')
    const sealedBytes = this.#sealer.seal(encodePackHeader(blobs), this.#at)
    const lengthAt = this.#at + sealedBytes
    this.#memory.bytes.set(encodePackHeaderLength(sealedBytes), lengthAt)
    const end = lengthAt + 4
    this.#blobs = []
    this.#at = this.#end
    return { id: hash('sha256', this.#memory.bytes.subarray(this.#start, end)), start: this.#start, end, blobs }
  }

  /** Begins a new pack in the same region. */
  reset(): void {
    this.#at = this.#start
    this.#blobs = []
    this.#headerBytes = packHeaderBytes([])
    this.#sealer.begin()
  }

  #added(blob: Omit<BlobToPack, 'bytes'>, length: number): PackedBlob {
    const { type, uncompressedLength } = blob
    const id = typeof blob.id === 'string' ? blob.id : toHex(blob.id)
    const packed = { id, type, offset: this.bytesUsed, length, uncompressedLength }
    this.#blobs.push(packed)
    this.#at += length
    this.#headerBytes += packHeaderBytes([packed]) - packHeaderBytes([])
    return packed
  }

  #requireRoom(bytes: number): void {
    if (this.hasRoomFor(bytes)) return
    const free = this.#end - this.#start - this.packBytes
    throw new Failure('defect', `Cannot add a blob of ${bytes} bytes to a pack: ${free} bytes are free`)
  }
}

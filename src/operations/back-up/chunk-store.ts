import { Failure } from '../../base/failure.ts'
import { hash } from 'node:crypto'
import type { BlobType } from '../../model/blob.ts'
import type { Id } from '../../model/id.ts'
import { chunkBytesMax, KernelMemory } from '../../kernels/kernel-memory.ts'
import { type MasterKey, Sealer, sealedOverhead } from '../../kernels/seal.ts'
import {
  compressedBytesMax,
  looksCompressible,
  type ZstdCompressor,
  type ZstdDecompressor,
} from '../../kernels/zstd.ts'
import type { BlobIndex } from '../../repository/blob-index.ts'
import { PackBuilder } from '../../repository/pack-builder.ts'
import type { PackReady, Stored } from './backup-job.ts'
import { packBlobList } from './pack-blob-list.ts'
import type { PackSlots } from './pack-slots.ts'

/** What a pack has besides one blob's own bytes: its seal, and a header of one entry. */
const loneOverheadBytes = 4096

type Compressor = Pick<ZstdCompressor, 'compress'>

export interface ChunkStoreOptions {
  readonly memory: KernelMemory
  /** Where the slots begin in the memory. */
  readonly slotsStart: number
  readonly slotBytes: number
  readonly slots: PackSlots
  readonly key: MasterKey
  readonly randomIv: () => Uint8Array
  readonly index: BlobIndex
  /** Undefined where blobs are stored as they are: in format 1 all are, in format 2 data may be. */
  readonly compressors: { readonly data: Compressor | undefined; readonly tree: Compressor } | undefined
  /** Reads back what was compressed. */
  readonly decompressor: Pick<ZstdDecompressor, 'decompress'>
  readonly packBytesTarget: number
  readonly dryRun: boolean
  readonly packReady: (pack: Omit<PackReady, 'kind'>) => void
}

/** Slots that packs of a type may take: of data one is filled while another is stored; trees are few. */
const slotsOf = { data: [0, 2], tree: [2, 3] } as const
/** Slots that a worker needs. */
export const packSlotCount = 3

/** Of the data blobs that were compressed, one in so many is read back; of the trees all are. */
const verifyEvery = 16

interface OpenPack {
  readonly slot: number
  readonly builder: PackBuilder
}

/**
 * The end of a worker's road: names a blob by its SHA-256, and, where nobody has it yet, compresses it, seals it
 * and adds it to the pack being built. A pack that is large enough is handed to the main thread in its slot.
 */
export class ChunkStore {
  readonly #options: ChunkStoreOptions
  readonly #builders: PackBuilder[] = []
  readonly #open: Record<BlobType, OpenPack | undefined> = { data: undefined, tree: undefined }
  /** Made once, for a largest chunk: growing it step by step would leave the allocator with the steps. */
  #scratch = Buffer.allocUnsafeSlow(compressedBytesMax(chunkBytesMax))
  #readBack = Buffer.alloc(0)
  #compressedCount = 0
  #stored = nothingStored()

  constructor(options: ChunkStoreOptions) {
    this.#options = options
  }

  /**
   * Stores a blob unless it is stored already. `known` saves work: its id, and that it compresses, where the caller has
   * found that out.
   */
  store(type: BlobType, plaintext: Uint8Array, known: { readonly id?: Id; readonly compresses?: boolean } = {}): Id {
    const { id = hash('sha256', plaintext), compresses = type === 'tree' } = known
    if (this.#options.index.claim(id, type)) this.#add(type, { id, plaintext, compresses })
    return id
  }

  /** Whether a blob is stored, by somebody and for good: one that is only being stored is not. */
  has(type: BlobType, id: Id): boolean {
    return this.#options.index.find(id, type) >= 0
  }

  /** Length that data would have if it were compressed; its own where it would not be. Nothing is stored. */
  compressedLength(plaintext: Uint8Array): number {
    const compressor = this.#options.compressors?.data
    if (compressor === undefined) return plaintext.length
    const length = compressor.compress(plaintext, this.#scratch)
    return length < 0 ? plaintext.length : Math.min(length, plaintext.length)
  }

  /** What was stored since the last call. */
  takeStored(): Stored {
    const stored = this.#stored
    this.#stored = nothingStored()
    return stored
  }

  /** Hands over the packs that are not full. */
  flush(): void {
    for (const type of ['data', 'tree'] as const) this.#finish(type)
  }

  #add(
    type: BlobType,
    { id, plaintext, compresses }: { readonly id: Id; readonly plaintext: Uint8Array; readonly compresses: boolean },
  ): void {
    const stored = this.#stored
    if (type === 'data') {
      stored.dataBlobs++
      stored.dataAdded += plaintext.length
    } else {
      stored.treeBlobs++
      stored.treesAdded += plaintext.length
    }
    const compressed = this.#compress(type, plaintext, compresses)
    const blob = { id, type, bytes: compressed ?? plaintext, uncompressedLength: compressed && plaintext.length }
    stored.dataAddedPacked += blob.bytes.length + sealedOverhead
    if (this.#options.dryRun) return

    if (blob.bytes.length + loneOverheadBytes > this.#options.slotBytes) {
      this.#addAlone(blob)
      return
    }
    const { builder } = this.#packWithRoom(type, blob.bytes.length)
    builder.add(blob)
    if (builder.packBytes >= this.#options.packBytesTarget) this.#finish(type)
  }

  /** The compressed form where it is shorter; it lies in the scratch memory until the next call. `compresses`: that is known. */
  #compress(type: BlobType, plaintext: Uint8Array, compresses: boolean): Uint8Array | undefined {
    const compressor = this.#options.compressors?.[type]
    if (compressor === undefined || plaintext.length === 0) return undefined
    if (!compresses && !looksCompressible(plaintext)) return undefined
    const room = compressedBytesMax(plaintext.length)
    if (this.#scratch.length < room) this.#scratch = Buffer.allocUnsafeSlow(room)
    const length = compressor.compress(plaintext, this.#scratch)
    // restic expects trees to be compressed in format 2, however short they are, so there any length will do.
    if (length < 0 || (type === 'data' && length >= plaintext.length)) return undefined
    const compressed = this.#scratch.subarray(0, length)
    if (type === 'tree' || this.#compressedCount++ % verifyEvery === 0) this.#verify(compressed, plaintext)
    return compressed
  }

  /** Reads back what was compressed: a compressor that is at fault must not be found out by a restore. */
  #verify(compressed: Uint8Array, plaintext: Uint8Array): void {
    if (this.#readBack.length < plaintext.length)
      this.#readBack = Buffer.allocUnsafeSlow(compressedBytesMax(plaintext.length))
    const target = this.#readBack.subarray(0, plaintext.length)
    let length: number
    try {
      length = this.#options.decompressor.decompress(compressed, target)
    } catch (cause) {
      throw new Failure('defect', 'Cannot store a blob: what zstd compressed can not be read back', { cause })
    }
    if (length === plaintext.length && target.equals(plaintext)) return
    throw new Failure('defect', 'Cannot store a blob: what zstd compressed reads back as other bytes', {
      facts: { hint: 'This is a fault of the memory, the processor or Node. Nothing of it was stored.' },
    })
  }

  #packWithRoom(type: BlobType, bytes: number): OpenPack {
    const open = this.#open[type]
    if (open !== undefined) {
      if (open.builder.hasRoomFor(bytes)) return open
      this.#finish(type)
    }
    const [first, end] = slotsOf[type]
    const slot = this.#options.slots.take(first, end)
    const builder = (this.#builders[slot] ??= this.#builderOf(slot))
    builder.reset()
    return (this.#open[type] = { slot, builder })
  }

  #builderOf(slot: number): PackBuilder {
    const { memory, slotsStart, slotBytes, key, randomIv } = this.#options
    const start = slotsStart + slot * slotBytes
    return new PackBuilder(new Sealer(memory, key, randomIv), memory, start, start + slotBytes)
  }

  #finish(type: BlobType): void {
    const open = this.#open[type]
    if (open === undefined) return
    this.#open[type] = undefined
    this.#options.packReady({
      slot: open.slot,
      states: this.#options.slots.states,
      buffer: this.#options.memory.buffer,
      ...packBlobList(open.builder.finish()),
    })
  }

  /** A blob that no slot can hold, such as the tree of a directory with a million entries, gets a pack of its own. */
  #addAlone(blob: { id: Id; type: BlobType; bytes: Uint8Array; uncompressedLength: number | undefined }): void {
    const { key, randomIv } = this.#options
    const memory = new KernelMemory({ regionBytes: blob.bytes.length + loneOverheadBytes })
    const builder = new PackBuilder(new Sealer(memory, key, randomIv), memory, memory.start, memory.end)
    builder.add(blob)
    const { states } = this.#options.slots
    this.#options.packReady({ slot: undefined, states, buffer: memory.buffer, ...packBlobList(builder.finish()) })
  }
}

function nothingStored(): Stored {
  return { dataBlobs: 0, treeBlobs: 0, dataAdded: 0, treesAdded: 0, dataAddedPacked: 0 }
}

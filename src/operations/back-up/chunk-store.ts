import { hash } from 'node:crypto'
import type { BlobType } from '../../model/blob.ts'
import type { Id } from '../../model/id.ts'
import { chunkBytesMax, KernelMemory } from '../../kernels/kernel-memory.ts'
import { type MasterKey, Sealer, sealedOverhead } from '../../kernels/seal.ts'
import { compressedBytesMax, looksCompressible, type ZstdCompressor } from '../../kernels/zstd.ts'
import type { BlobIndex } from '../../repository/blob-index.ts'
import { PackBuilder } from '../../repository/pack-builder.ts'
import type { PackReady, Stored } from './backup-job.ts'
import { packBlobList } from './pack-blob-list.ts'
import type { PackSlots } from './pack-slots.ts'

/** What a pack has besides one blob's own bytes: its seal, and a header of one entry. */
const loneOverheadBytes = 4096

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
  readonly compressors: { readonly data: ZstdCompressor | undefined; readonly tree: ZstdCompressor } | undefined
  readonly packBytesTarget: number
  readonly dryRun: boolean
  readonly packReady: (pack: Omit<PackReady, 'kind'>) => void
}

/** Slots that packs of a type may take: of data one is filled while another is stored; trees are few. */
const slotsOf = { data: [0, 2], tree: [2, 3] } as const
/** Slots that a worker needs. */
export const packSlotCount = 3

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
  #stored = nothingStored()

  constructor(options: ChunkStoreOptions) {
    this.#options = options
  }

  /** Stores a blob unless it is stored already. */
  store(type: BlobType, plaintext: Uint8Array): Id {
    const id = hash('sha256', plaintext)
    if (this.#options.index.claim(id, type)) this.#add(type, id, plaintext)
    return id
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

  #add(type: BlobType, id: Id, plaintext: Uint8Array): void {
    const stored = this.#stored
    if (type === 'data') {
      stored.dataBlobs++
      stored.dataAdded += plaintext.length
    } else {
      stored.treeBlobs++
      stored.treesAdded += plaintext.length
    }
    const compressed = this.#compress(type, plaintext)
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

  /** The compressed form where it is shorter; it lies in the scratch memory until the next call. */
  #compress(type: BlobType, plaintext: Uint8Array): Uint8Array | undefined {
    const compressor = this.#options.compressors?.[type]
    if (compressor === undefined || plaintext.length === 0) return undefined
    if (type === 'data' && !looksCompressible(plaintext)) return undefined
    const room = compressedBytesMax(plaintext.length)
    if (this.#scratch.length < room) this.#scratch = Buffer.allocUnsafeSlow(room)
    const length = compressor.compress(plaintext, this.#scratch)
    // restic expects trees to be compressed in format 2, however short they are, so there any length will do.
    if (type === 'data' && length >= plaintext.length) return undefined
    return length < 0 ? undefined : this.#scratch.subarray(0, length)
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

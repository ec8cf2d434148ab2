import type { FileSink } from '../../sources/entry-sink.ts'
import { blocksOf, type IncrementalHead, IncrementalReader } from '../../sources/postgresql/incremental-file.ts'
import type { ParentChunk } from './parent-files.ts'

/** Chunks of the parent that are on their way at a time: enough to hide the way to a remote storage. */
const loadsAhead = 16

export interface SynthesisedFileOptions {
  readonly sink: FileSink
  readonly blockBytes: number
  /** Bytes of a chunk; a multiple of the block's. */
  readonly chunkBytes: number
  /** Of a relation's file, where the parent's is no longer: servers may say that one is longer, which is cut. */
  readonly bytesMax: number
  /** The file in the parent snapshot. */
  readonly before: readonly ParentChunk[]
  readonly load: (chunk: ParentChunk) => Promise<Uint8Array>
}

/**
 * Makes a whole file of the blocks that changed and the chunks that the parent snapshot has of it. Chunks in which
 * nothing changed are kept as they are; the others are read where a part of them is needed. What neither has is zeros.
 */
export class SynthesisedFile {
  readonly #options: SynthesisedFileOptions
  readonly #reader: IncrementalReader
  /** Bytes of the whole file. */
  #size = 0
  /** Numbers of the blocks that come. */
  #changed: ReadonlySet<number> = new Set()
  /** Units are stretches of the length of a group of pages; this is the next to be written. */
  #unit = 0
  /** The unit that is being put together. */
  #open: { readonly unit: number; readonly bytes: Buffer } | undefined
  /** Units of which a block comes. */
  readonly #units = new Set<number>()
  readonly #parent: readonly ParentChunk[]
  /** Chunks that stand one behind the other and were not passed on yet. */
  #kept: ParentChunk[] = []
  readonly #loads: { readonly chunk: ParentChunk; readonly content: Promise<Uint8Array> }[] = []
  #unitToLoad = 0

  constructor(options: SynthesisedFileOptions) {
    this.#options = options
    this.#parent = options.before
    this.#reader = new IncrementalReader({
      blockBytes: options.blockBytes,
      onHead: (head) => this.#begin(head),
      onBlock: (block, bytes) => this.#block(block, bytes),
    })
  }

  /** Bytes of the whole file, once the first piece came. */
  get size(): number {
    return this.#size
  }

  /** Whether the file is the one before, byte for byte. */
  get isUnchanged(): boolean {
    const last = this.#parent.at(-1)
    return this.#changed.size === 0 && this.#size === (last === undefined ? 0 : last.offset + last.bytes)
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#reader.push(bytes)
  }

  async end(): Promise<void> {
    this.#reader.end()
    await this.#writeUpTo(Math.ceil(this.#size / this.#options.chunkBytes))
    await this.#keep()
    await this.#options.sink.end()
  }

  #begin(head: IncrementalHead): undefined {
    const { blockBytes, chunkBytes, bytesMax } = this.#options
    // Where a relation of many files was cut off, PostgreSQL 17 and 18 give the place in the relation for that in the file.
    const before = this.#parent.at(-1)
    const blocksMax = Math.max(bytesMax, before === undefined ? 0 : before.offset + before.bytes) / blockBytes
    const blocksMin = Math.min(head.blocksMin, Math.floor(blocksMax))
    this.#size = blocksOf({ blocks: head.blocks, blocksMin }) * blockBytes
    this.#changed = new Set(head.blocks)
    for (const block of head.blocks) this.#units.add(Math.floor((block * blockBytes) / chunkBytes))
  }

  async #block(block: number, bytes: Buffer): Promise<void> {
    const { blockBytes, chunkBytes } = this.#options
    const at = block * blockBytes
    const unit = Math.floor(at / chunkBytes)
    if (this.#open?.unit !== unit) {
      await this.#writeUpTo(unit)
      this.#open = { unit, bytes: Buffer.alloc(this.#lengthOf(unit)) }
    }
    this.#open.bytes.set(bytes, at - unit * chunkBytes)
  }

  /** Writes all units before this one. */
  async #writeUpTo(end: number): Promise<void> {
    while (this.#unit < end) {
      const unit = this.#unit++
      const open = this.#open?.unit === unit ? this.#open : undefined
      if (open !== undefined) this.#open = undefined
      await this.#writeUnit(unit, open?.bytes)
    }
  }

  /**
   * Chunks that can stand are kept; what lies between them is put together from blocks, parts of chunks and zeros. Most
   * units are kept whole, so that memory is made for the others only. `bytes`: of the unit, with the blocks that came.
   */
  async #writeUnit(unit: number, bytes: Buffer | undefined): Promise<void> {
    const { chunkBytes } = this.#options
    const [start, length] = [unit * chunkBytes, this.#lengthOf(unit)]
    let content = bytes
    let written = 0
    for (const chunk of this.#chunksOf(unit)) {
      if (!this.#stands(chunk, unit)) {
        content ??= Buffer.alloc(length)
        if (this.#isNeeded(chunk, unit)) this.#fill(unit, content, chunk, await this.#loaded(chunk))
        continue
      }
      if (chunk.offset - start > written) {
        content ??= Buffer.alloc(length)
        await this.#write(content.subarray(written, chunk.offset - start))
      }
      this.#kept.push(chunk)
      written = chunk.offset + chunk.bytes - start
    }
    if (written === length) return
    content ??= Buffer.alloc(length)
    await this.#write(content.subarray(written))
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await this.#keep()
    await this.#options.sink.write(bytes)
  }

  /** Passes on the chunks that stand before what comes next. */
  async #keep(): Promise<void> {
    if (this.#kept.length === 0) return
    await this.#options.sink.keep(this.#kept)
    this.#kept = []
  }

  /** Block by block, since those that came are newer. */
  #fill(unit: number, bytes: Buffer, chunk: ParentChunk, content: Uint8Array): void {
    const { blockBytes, chunkBytes } = this.#options
    const start = unit * chunkBytes
    const to = Math.min(start + bytes.length, chunk.offset + chunk.bytes)
    for (let at = Math.max(start, chunk.offset); at < to; ) {
      const block = Math.floor(at / blockBytes)
      const end = Math.min(to, (block + 1) * blockBytes)
      if (!this.#changed.has(block)) bytes.set(content.subarray(at - chunk.offset, end - chunk.offset), at - start)
      at = end
    }
  }

  /** Whether the chunk can be kept as it is: it lies in the unit, begins and ends with a block, and no block of it came. */
  #stands(chunk: ParentChunk, unit: number): boolean {
    const { blockBytes, chunkBytes } = this.#options
    const start = unit * chunkBytes
    const end = chunk.offset + chunk.bytes
    if (chunk.offset < start || end > start + this.#lengthOf(unit)) return false
    if (chunk.offset % blockBytes !== 0 || end % blockBytes !== 0) return false
    return !this.#units.has(unit) || !this.#blocksOf(chunk, unit).some((block) => this.#changed.has(block))
  }

  /** Whether the unit has a block of this chunk that did not come. */
  #isNeeded(chunk: ParentChunk, unit: number): boolean {
    return !this.#units.has(unit) || this.#blocksOf(chunk, unit).some((block) => !this.#changed.has(block))
  }

  /** Blocks of the unit of which the chunk holds something. */
  #blocksOf(chunk: ParentChunk, unit: number): number[] {
    const { blockBytes, chunkBytes } = this.#options
    const start = unit * chunkBytes
    const first = Math.floor(Math.max(start, chunk.offset) / blockBytes)
    const end = Math.ceil(Math.min(start + this.#lengthOf(unit), chunk.offset + chunk.bytes) / blockBytes)
    return Array.from({ length: end - first }, (_, at) => first + at)
  }

  #lengthOf(unit: number): number {
    const { chunkBytes } = this.#options
    return Math.min(chunkBytes, this.#size - unit * chunkBytes)
  }

  /** The parent's chunks that hold something of the unit. */
  #chunksOf(unit: number): ParentChunk[] {
    const start = unit * this.#options.chunkBytes
    const end = start + this.#lengthOf(unit)
    const chunks: ParentChunk[] = []
    for (let at = firstBehind(this.#parent, start); at < this.#parent.length && this.#parent[at]!.offset < end; at++) {
      chunks.push(this.#parent[at]!)
    }
    return chunks
  }

  /** The content of a chunk; those that will be wanted after it are asked for as well. */
  async #loaded(chunk: ParentChunk): Promise<Uint8Array> {
    const units = Math.ceil(this.#size / this.#options.chunkBytes)
    for (; this.#loads.length < loadsAhead && this.#unitToLoad < units; this.#unitToLoad++) {
      const unit = this.#unitToLoad
      for (const next of this.#chunksOf(unit)) {
        if (this.#stands(next, unit) || !this.#isNeeded(next, unit)) continue
        const content = this.#options.load(next)
        content.catch(() => {}) // Its turn comes later; until then Node must not call it unhandled.
        this.#loads.push({ chunk: next, content })
      }
    }
    const first = this.#loads.shift()
    return first?.chunk === chunk ? await first.content : await this.#options.load(chunk)
  }
}

/** The first chunk that ends behind this place. */
function firstBehind(chunks: readonly ParentChunk[], place: number): number {
  let [low, high] = [0, chunks.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const { offset, bytes } = chunks[middle]!
    if (offset + bytes > place) high = middle
    else low = middle + 1
  }
  return low
}

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
  /** The file in the parent snapshot. */
  readonly before: readonly ParentChunk[]
  readonly load: (chunk: ParentChunk) => Promise<Uint8Array>
}

/**
 * Makes a whole file of the blocks that changed and the chunks that the parent snapshot has of it. Chunks in which
 * nothing changed are kept as they are; of the others those parts are read that did not come. What neither has is zeros.
 */
export class SynthesisedFile {
  readonly #options: SynthesisedFileOptions
  readonly #reader: IncrementalReader
  /** Bytes of the whole file. */
  #size = 0
  /** Units are stretches of the length of a chunk; this is the next to be written. */
  #unit = 0
  /** The unit that is being put together, and which of its blocks came. */
  #open: { readonly unit: number; readonly bytes: Buffer; readonly came: Set<number> } | undefined
  /** How many blocks come of each unit that has any. */
  readonly #coming = new Map<number, number>()
  readonly #parent: readonly ParentChunk[]
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
    return this.#coming.size === 0 && this.#size === (last === undefined ? 0 : last.offset + last.bytes)
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#reader.push(bytes)
  }

  async end(): Promise<void> {
    this.#reader.end()
    await this.#writeUpTo(Math.ceil(this.#size / this.#options.chunkBytes))
    await this.#options.sink.end()
  }

  #begin(head: IncrementalHead): undefined {
    const { blockBytes, chunkBytes } = this.#options
    this.#size = blocksOf(head) * blockBytes
    for (const block of head.blocks) {
      const unit = Math.floor((block * blockBytes) / chunkBytes)
      this.#coming.set(unit, (this.#coming.get(unit) ?? 0) + 1)
    }
  }

  async #block(block: number, bytes: Buffer): Promise<void> {
    const { blockBytes, chunkBytes } = this.#options
    const at = block * blockBytes
    const unit = Math.floor(at / chunkBytes)
    if (this.#open?.unit !== unit) {
      await this.#writeUpTo(unit)
      this.#open = { unit, bytes: Buffer.alloc(this.#lengthOf(unit)), came: new Set() }
    }
    this.#open.bytes.set(bytes, at - unit * chunkBytes)
    this.#open.came.add(block)
  }

  /** Writes all units before this one. */
  async #writeUpTo(end: number): Promise<void> {
    while (this.#unit < end) {
      const unit = this.#unit++
      const open = this.#open?.unit === unit ? this.#open : undefined
      this.#open = open === undefined ? this.#open : undefined
      if (open === undefined && !this.#needsLoad(unit)) await this.#keep(unit)
      else await this.#build(unit, open?.bytes ?? Buffer.alloc(this.#lengthOf(unit)), open?.came ?? new Set())
    }
  }

  async #keep(unit: number): Promise<void> {
    const chunks = this.#chunksOf(unit)
    if (chunks.length > 0) await this.#options.sink.keep(chunks)
    else await this.#options.sink.write(Buffer.alloc(this.#lengthOf(unit)))
  }

  async #build(unit: number, bytes: Buffer, came: ReadonlySet<number>): Promise<void> {
    const { blockBytes, chunkBytes, sink } = this.#options
    const start = unit * chunkBytes
    for (const chunk of this.#needsLoad(unit) ? this.#chunksOf(unit) : []) {
      const content = await this.#loaded(chunk)
      const from = Math.max(start, chunk.offset)
      const to = Math.min(start + bytes.length, chunk.offset + chunk.bytes)
      // Block by block, since those that came are newer.
      for (let at = from; at < to; ) {
        const block = Math.floor(at / blockBytes)
        const end = Math.min(to, (block + 1) * blockBytes)
        if (!came.has(block)) bytes.set(content.subarray(at - chunk.offset, end - chunk.offset), at - start)
        at = end
      }
    }
    await sink.write(bytes)
  }

  /** Whether something of the parent's must be read to put the unit together. */
  #needsLoad(unit: number): boolean {
    const { blockBytes, chunkBytes } = this.#options
    const length = this.#lengthOf(unit)
    const coming = this.#coming.get(unit) ?? 0
    if (coming * blockBytes >= length) return false
    const chunks = this.#chunksOf(unit)
    if (chunks.length === 0) return false
    if (coming > 0) return true
    const last = chunks.at(-1)!
    // The parent's chunks fill it exactly: they can stand as they are.
    return chunks[0]!.offset !== unit * chunkBytes || last.offset + last.bytes !== unit * chunkBytes + length
  }

  #lengthOf(unit: number): number {
    const { chunkBytes } = this.#options
    return Math.min(chunkBytes, this.#size - unit * chunkBytes)
  }

  /** The parent's chunks that hold something of the unit. */
  #chunksOf(unit: number): ParentChunk[] {
    const start = unit * this.#options.chunkBytes
    const end = start + this.#lengthOf(unit)
    let at = firstBehind(this.#parent, start)
    const chunks: ParentChunk[] = []
    for (; at < this.#parent.length && this.#parent[at]!.offset < end; at++) chunks.push(this.#parent[at]!)
    return chunks
  }

  /** The content of a chunk; those that will be wanted after it are asked for as well. */
  async #loaded(chunk: ParentChunk): Promise<Uint8Array> {
    const units = Math.ceil(this.#size / this.#options.chunkBytes)
    for (; this.#loads.length < loadsAhead && this.#unitToLoad < units; this.#unitToLoad++) {
      if (!this.#needsLoad(this.#unitToLoad)) continue
      for (const next of this.#chunksOf(this.#unitToLoad)) {
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

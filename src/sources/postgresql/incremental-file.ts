import { Failure } from '../../base/failure.ts'

/**
 * The head of a file of an incremental backup ("INCREMENTAL.<name>"): which blocks follow, and how long the file is
 * without them. It takes the place of a file whose other blocks are those of the backup before.
 */
export interface IncrementalHead {
  /** Numbers of the blocks that follow, in ascending order. */
  readonly blocks: readonly number[]
  /** The file has at least so many blocks; and those that follow. */
  readonly blocksMin: number
}

const magic = 0xd3ae1f0d
const fixedBytes = 12
/** A file of a relation is a gibibyte at most; servers built otherwise may have more, but not without bound. */
const blocksMax = 2 ** 24

/** Blocks of the whole file. */
export function blocksOf({ blocks, blocksMin }: IncrementalHead): number {
  return Math.max(blocksMin, (blocks.at(-1) ?? -1) + 1)
}

/**
 * Takes such a file apart as it comes in pieces of any size: `onHead` is told first, then `onBlock` each block, whose
 * bytes are good until what it answers is fulfilled.
 */
export class IncrementalReader {
  readonly #blockBytes: number
  readonly #onHead: (head: IncrementalHead) => Promise<void> | undefined
  readonly #onBlock: (block: number, bytes: Buffer) => Promise<void> | undefined
  #head: IncrementalHead | undefined
  #start: Buffer = Buffer.alloc(0)
  readonly #block: Buffer
  #blockFill = 0
  #next = 0

  constructor(options: {
    readonly blockBytes: number
    readonly onHead: (head: IncrementalHead) => Promise<void> | undefined
    readonly onBlock: (block: number, bytes: Buffer) => Promise<void> | undefined
  }) {
    this.#blockBytes = options.blockBytes
    this.#onHead = options.onHead
    this.#onBlock = options.onBlock
    this.#block = Buffer.alloc(options.blockBytes)
  }

  async push(bytes: Uint8Array): Promise<void> {
    let at = 0
    if (this.#head === undefined) {
      this.#start = Buffer.concat([this.#start, bytes])
      const length = headBytes(this.#start, this.#blockBytes)
      if (length === undefined || this.#start.length < length) return
      at = bytes.length - (this.#start.length - length)
      this.#head = decodeHead(this.#start)
      this.#start = Buffer.alloc(0)
      await this.#onHead(this.#head)
    }
    while (at < bytes.length) {
      const length = Math.min(bytes.length - at, this.#blockBytes - this.#blockFill)
      this.#block.set(bytes.subarray(at, at + length), this.#blockFill)
      this.#blockFill += length
      at += length
      if (this.#blockFill < this.#blockBytes) break
      this.#blockFill = 0
      const block = this.#head.blocks[this.#next++]
      if (block === undefined) throw broken('it has more blocks than it says')
      await this.#onBlock(block, this.#block)
    }
  }

  /** To be called at the end: Failure where something is missing. */
  end(): void {
    if (this.#head === undefined || this.#next < this.#head.blocks.length || this.#blockFill > 0)
      throw broken('it ends too early')
  }
}

/** Bytes before the first block; undefined until that can be told. */
function headBytes(start: Buffer, blockBytes: number): number | undefined {
  if (start.length < fixedBytes) return undefined
  if (start.readUInt32LE(0) !== magic) throw broken('it does not begin as one')
  const count = start.readUInt32LE(4)
  if (count > blocksMax) throw broken(`it says that it has ${count} blocks`)
  if (count === 0) return fixedBytes
  // So that the blocks lie where a disk likes them.
  return Math.ceil((fixedBytes + 4 * count) / blockBytes) * blockBytes
}

function decodeHead(start: Buffer): IncrementalHead {
  const count = start.readUInt32LE(4)
  const blocks: number[] = []
  for (let at = 0; at < count; at++) {
    const block = start.readUInt32LE(fixedBytes + 4 * at)
    if (block <= (blocks.at(-1) ?? -1) || block > blocksMax) throw broken('its blocks are in no order')
    blocks.push(block)
  }
  const blocksMin = start.readUInt32LE(8)
  if (blocksMin > blocksMax) throw broken(`it says that it is ${blocksMin} blocks long`)
  return { blocks, blocksMin }
}

function broken(found: string): Failure {
  return new Failure('connection_failed', `Cannot read a file of an incremental backup: ${found}`)
}

import { Failure } from '../../base/failure.ts'
import { chunkBytesMax } from '../../kernels/kernel-memory.ts'
import { lotBytes, type LotPool } from './lot-pool.ts'
import type { StreamFile } from './stream-file.ts'

/** A lot goes to a worker once so much of it is cut: while it is in the processor's cache, and before the next is empty. */
const sendBytes = 2 * 1024 * 1024

/** A chunk in a lot, and whose it is. Chunks follow each other from the lot's beginning on. */
export interface FiledPiece {
  readonly length: number
  readonly file: StreamFile
  readonly place: number
}

/**
 * Copies a stream into lots, cuts it there, and hands each lot over with its chunks. Small files share a lot. What
 * is not cut yet goes on in the next one.
 */
export class LotFiller {
  readonly #pool: LotPool
  readonly #send: (lot: number, pieces: readonly FiledPiece[]) => void
  #lot: number | undefined
  /** Addresses in the pool's memory: what was filled, and what of that was cut. */
  #filled = 0
  #cut = 0
  #pieces: FiledPiece[] = []

  /** `send` gives the lot back to the pool when it is done. */
  constructor(pool: LotPool, send: (lot: number, pieces: readonly FiledPiece[]) => void) {
    this.#pool = pool
    this.#send = send
  }

  /** Takes bytes of the file. Waits for a free lot where there is none. */
  write(file: StreamFile, bytes: Uint8Array): Promise<void> | undefined {
    if (this.#lot === undefined && !this.#take(this.#pool.take())) return this.#writeLater(file, bytes)
    const room = this.#end - this.#filled
    if (bytes.length > room) return this.#writeLater(file, bytes)
    this.#copy(file, bytes)
    if (this.#cut - this.#lot! < sendBytes) return undefined
    return this.#hand() ? undefined : this.#handLater()
  }

  /** The file has no more bytes before the next chunk: what is left of it is cut. */
  endChunk(file: StreamFile): Promise<void> | undefined {
    if (this.#lot === undefined) return undefined
    this.#cutChunks(file, true)
    if (this.#cut - this.#lot < sendBytes) return undefined
    return this.#hand() ? undefined : this.#handLater()
  }

  /** Hands over what there is. */
  flush(): void {
    if (this.#lot === undefined) return
    if (this.#cut < this.#filled) throw new Failure('defect', 'Cannot end a stream: its last file was not ended')
    this.#handOver()
  }

  get #end(): number {
    return this.#lot! + lotBytes
  }

  async #writeLater(file: StreamFile, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      if (this.#lot === undefined) this.#take(await this.#pool.wait())
      const length = Math.min(bytes.length - at, this.#end - this.#filled)
      this.#copy(file, bytes.subarray(at, at + length))
      at += length
      if (this.#cut - this.#lot! >= sendBytes || this.#filled === this.#end) await this.#handLater()
    }
  }

  #copy(file: StreamFile, bytes: Uint8Array): void {
    this.#pool.memory.bytes.set(bytes, this.#filled)
    this.#filled += bytes.length
    this.#cutChunks(file, false)
  }

  #cutChunks(file: StreamFile, isAtEnd: boolean): void {
    for (let length; this.#cut < this.#filled && (length = this.#nextLength(file, isAtEnd)) > 0; ) {
      this.#pieces.push({ length, file, place: file.reserve(length) })
      this.#cut += length
    }
  }

  /** Length of the next chunk; 0 where more bytes are needed to tell. */
  #nextLength({ chunking }: StreamFile, isAtEnd: boolean): number {
    const left = this.#filled - this.#cut
    if (chunking.kind === 'content') {
      // To look at the same bytes again with each piece that comes would cost more than all else.
      if (!isAtEnd && left < chunkBytesMax && this.#filled < this.#end) return 0
      return this.#pool.memory.cut(this.#cut, this.#filled, isAtEnd)
    }
    if (left >= chunking.bytes) return chunking.bytes
    return isAtEnd ? left : 0
  }

  #take(lot: number | undefined): boolean {
    if (lot === undefined) return false
    this.#lot = lot
    this.#filled = lot
    this.#cut = lot
    return true
  }

  /** Hands the lot over where nothing needs to be waited for. */
  #hand(): boolean {
    if (this.#cut === this.#filled) {
      this.#handOver()
      return true
    }
    const next = this.#pool.take()
    if (next === undefined) return false
    this.#moveTo(next)
    return true
  }

  async #handLater(): Promise<void> {
    if (this.#hand()) return
    this.#moveTo(await this.#pool.wait())
  }

  /** Hands the lot over; what is not cut goes on in the next one. */
  #moveTo(next: number): void {
    const [from, to] = [this.#cut, this.#filled]
    this.#pool.memory.bytes.copyWithin(next, from, to)
    this.#handOver()
    this.#take(next)
    this.#filled = next + to - from
  }

  #handOver(): void {
    const [lot, pieces] = [this.#lot!, this.#pieces]
    this.#lot = undefined
    this.#pieces = []
    if (pieces.length === 0) this.#pool.release(lot)
    else this.#send(lot, pieces)
  }
}

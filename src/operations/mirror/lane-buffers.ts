import { objectBytesMax } from '../../storage/object-range.ts'

/** One read buffer for each lane, used again for object after object and grown to the largest of them. */
export class LaneBuffers {
  readonly #buffers: Uint8Array[]

  constructor(lanes: number) {
    this.#buffers = Array.from({ length: lanes }, () => new Uint8Array(0))
  }

  /**
   * Room of at least so many bytes, or for more than any object may have, whatever there is; what was in it before may
   * be overwritten.
   */
  take(lane: number, bytes: number): Uint8Array {
    const present = this.#buffers[lane]!
    if (present.length >= bytes || bytes > objectBytesMax) return present
    return (this.#buffers[lane] = new Uint8Array(bytes))
  }
}

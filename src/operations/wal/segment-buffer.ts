import { Failure } from '../../base/failure.ts'
import { formatLsn, type Lsn } from '../../sources/postgresql/lsn.ts'
import { segmentName, segmentOf, segmentStart } from '../../sources/postgresql/wal-name.ts'

/** The segment that is being received. */
export class SegmentBuffer {
  #bytes: Buffer
  readonly timeline: number
  #segment: number
  #length = 0

  constructor(options: {
    readonly timeline: number
    readonly segmentBytes: number /** Of a segment. */
    readonly start: Lsn
  }) {
    this.timeline = options.timeline
    this.#bytes = Buffer.allocUnsafeSlow(options.segmentBytes)
    this.#segment = segmentOf(options.start, options.segmentBytes)
  }

  get name(): string {
    return segmentName(this.timeline, this.#segment, this.#bytes.length)
  }

  /** Of what was received. */
  get end(): Lsn {
    return segmentStart(this.#segment, this.#bytes.length) + BigInt(this.#length)
  }

  get isFull(): boolean {
    return this.#length === this.#bytes.length
  }

  /** What of it is there. */
  get content(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Takes as much as has room; answers how many bytes. */
  take(bytes: Uint8Array, lsn: Lsn): number {
    if (lsn !== this.end) {
      throw new Failure('defect', `Cannot put WAL of ${formatLsn(lsn)} at ${formatLsn(this.end)}`)
    }
    const taken = Math.min(bytes.length, this.#bytes.length - this.#length)
    this.#bytes.set(bytes.subarray(0, taken), this.#length)
    this.#length += taken
    return taken
  }

  /** Goes on with the next segment, in these bytes, and answers the full one, whose bytes are the caller's now. */
  advance(next: Buffer): FullSegment {
    const full = { name: this.name, end: this.end, content: this.#bytes }
    this.#bytes = next
    this.#segment += 1
    this.#length = 0
    return full
  }
}

export interface FullSegment {
  readonly name: string
  readonly end: Lsn
  readonly content: Buffer
}

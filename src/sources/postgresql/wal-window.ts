import type { Lsn } from './lsn.ts'
import { type WalEvent, WalScanner } from './wal-scanner.ts'

/** The last stretch of a stream of WAL, kept to be looked at. */
export class WalWindow {
  readonly #start: Lsn
  readonly #sizes: { readonly segmentBytes: number; readonly blockBytes: number }
  readonly #parts: Buffer[] = []
  #bytes = 0

  /** Keeps what comes from `from` on, or the page that holds it. */
  constructor(from: Lsn, sizes: { readonly segmentBytes: number; readonly blockBytes: number }) {
    this.#start = from - (from % BigInt(sizes.blockBytes))
    this.#sizes = sizes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The bytes at this position; every one must be given, in order. */
  add(bytes: Buffer, lsn: Lsn): void {
    const skip = lsn < this.#start ? Number(this.#start - lsn) : 0
    if (skip >= bytes.length) return
    const part = Buffer.from(bytes.subarray(skip))
    this.#parts.push(part)
    this.#bytes += part.length
  }

  /** What happened in it, in its order; `end` is behind the last whole record. */
  events(): { readonly events: readonly WalEvent[]; readonly end: Lsn } {
    const events: WalEvent[] = []
    const scanner = new WalScanner({ ...this.#sizes, start: this.#start, onEvent: (event) => events.push(event) })
    const whole = Buffer.concat(this.#parts)
    this.#parts.splice(0, this.#parts.length, whole)
    scanner.feed(whole)
    return { events, end: scanner.lastRecord?.end ?? this.#start }
  }
}

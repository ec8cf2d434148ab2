import type { Lsn } from './lsn.ts'
import type { SequenceRecord } from './wal-record.ts'
import { type WalEvent, WalScanner } from './wal-scanner.ts'
import { longPageHeaderBytes, pageHeaderBytes } from './wal-segment-header.ts'

/** So many ends of transactions are remembered: one that is older than these, and still not seen by anybody, is none. */
const commitsMax = 2 ** 20

/** What the stretch of the log that was read says of what ended in it, and of what it changed. */
export class WalWindow {
  readonly #start: Lsn
  readonly #sizes: { readonly segmentBytes: number; readonly blockBytes: number }
  readonly #scanner: WalScanner
  /** The last ones, in a ring. */
  readonly #commits = new Uint32Array(commitsMax)
  #commitCount = 0
  readonly #unknown: Lsn[] = []
  readonly #sequences = new Map<string, SequenceRecord['state'] & { readonly lsn: Lsn }>()
  readonly #unreadable = new Map<string, Lsn>()
  readonly #changes = new Map<number, Lsn>()
  #lastPoint: { readonly name: string; readonly end: Lsn } | undefined
  /** Up to here the scanner was fed; what comes behind waits for its page to be whole. */
  #fed: Lsn
  #rest: Buffer = Buffer.alloc(0)

  /** Looks at what comes from `from` on, or the page that holds it. */
  constructor(from: Lsn, sizes: { readonly segmentBytes: number; readonly blockBytes: number }) {
    this.#start = from - (from % BigInt(sizes.blockBytes))
    this.#fed = this.#start
    this.#sizes = sizes
    this.#scanner = new WalScanner({
      ...sizes,
      start: this.#start,
      onEvent: (event) => this.#event(event),
      onSequence: ({ file, state }, lsn) => {
        if (state === undefined) this.#unreadable.set(file, lsn)
        else this.#sequences.set(file, { ...state, lsn })
      },
      onChange: (database, lsn) => this.#changes.set(database, lsn),
    })
  }

  /** The bytes at this position; every one must be given, in order. */
  add(bytes: Buffer, lsn: Lsn): void {
    const skip = lsn < this.#start ? Number(this.#start - lsn) : 0
    if (skip >= bytes.length) return
    this.#rest = Buffer.concat([this.#rest, bytes.subarray(skip)])
    const end = this.#fed + BigInt(this.#rest.length)
    const pages = end - (end % BigInt(this.#sizes.blockBytes))
    if (pages > this.#fed) this.#feed(Number(pages - this.#fed))
  }

  /** Looks at all that was given, which must end where a record does. Answers where the last whole record ends. */
  finish(): Lsn {
    if (this.#rest.length > this.#headerBytes && this.#rest.length % 8 === 0) this.#feed(this.#rest.length)
    return this.#scanner.lastRecord?.end ?? this.#start
  }

  /** The restore point that came last. */
  get lastPoint(): { readonly name: string; readonly end: Lsn } | undefined {
    return this.#lastPoint
  }

  /** The transactions that ended well, by the last 32 bits of their numbers. */
  get commits(): Uint32Array {
    return this.#commits.subarray(0, Math.min(this.#commitCount, commitsMax))
  }

  /** Where transactions ended well whose numbers the log does not give in a way that is known. */
  get unknownCommits(): readonly Lsn[] {
    return this.#unknown
  }

  /** What a sequence stands at by its last record; `unknown` where that can not be read, undefined where it has none from there on. */
  sequence(file: string, from: Lsn): SequenceRecord['state'] | 'unknown' {
    const found = this.#sequences.get(file)
    const unreadable = this.#unreadable.get(file)
    if (unreadable !== undefined && unreadable >= from && (found === undefined || found.lsn < unreadable))
      return 'unknown'
    return found !== undefined && found.lsn >= from ? { value: found.value, isCalled: found.isCalled } : undefined
  }

  /** Whether a transaction changed a file of this database from there on; 0 is what all databases share. */
  hasChanged(database: number, from: Lsn): boolean {
    return (this.#changes.get(database) ?? -1n) >= from
  }

  /** Of what stands next: no page is begun with less than its header. */
  get #headerBytes(): number {
    const { segmentBytes, blockBytes } = this.#sizes
    if (this.#fed % BigInt(blockBytes) !== 0n) return 0
    return this.#fed % BigInt(segmentBytes) === 0n ? longPageHeaderBytes : pageHeaderBytes
  }

  #feed(length: number): void {
    this.#scanner.feed(this.#rest.subarray(0, length))
    this.#fed += BigInt(length)
    this.#rest = Buffer.from(this.#rest.subarray(length))
  }

  #event(event: WalEvent): void {
    if (event.kind === 'restore point') this.#lastPoint = { name: event.name, end: event.end }
    if (event.kind !== 'commit' || event.xid === 0) return
    if (event.xid === undefined) this.#unknown.push(event.lsn)
    else this.#commits[this.#commitCount++ % commitsMax] = event.xid
  }
}

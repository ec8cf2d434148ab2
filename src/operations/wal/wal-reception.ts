import { throwIfStopped } from '../../base/abort.ts'
import type { Clock } from '../../base/clock.ts'
import { Failure } from '../../base/failure.ts'
import type { PostgresqlConnection } from '../../sources/postgresql/connection.ts'
import type { Lsn } from '../../sources/postgresql/lsn.ts'
import { ReplicationStream, type ReplicationMessage } from '../../sources/postgresql/replication-stream.ts'
import type { ReceiverEvent } from './receive-wal.ts'
import { SegmentBuffer, type FullSegment } from './segment-buffer.ts'
import type { WalArchive } from './wal-archive.ts'
import type { WalEntry } from './wal-store.ts'

export interface ReceptionStart {
  readonly timeline: number
  /** Beginning of a segment. */
  readonly lsn: Lsn
  readonly segmentBytes: number
}

/** The server asks who does not answer for a minute; it hears of us more often, ms. */
const reportEveryMs = 10_000
const partEveryMsMax = 30_000
/** A server that leaves a question without an answer for so long is gone, or the network to it is, ms. */
const answerMsMax = 60_000

export interface ReceptionRequest {
  readonly archive: WalArchive
  readonly slot: string
  readonly partEveryMs: number
  readonly systemIdentifier: string
}

/** Receives over one connection and stores. */
export class WalReception {
  readonly #request: ReceptionRequest
  readonly #clock: Clock
  readonly #onEvent: (event: ReceiverEvent) => void
  readonly #signal: AbortSignal
  /** Everything before it is durable. */
  #durable: Lsn = 0n
  #serverEnd: Lsn = 0n
  /** When the first byte came that is not durable. */
  #waitingSinceMs: number | undefined
  /** The same of the first byte behind the full segment that is being stored, or before it. */
  #behindFullSinceMs = 0
  #reportedAtMs = 0
  /** When the server was first asked for an answer since it said something. */
  #askedAtMs: number | undefined
  /** The wait for the next message, which goes on over others. */
  #coming: Promise<void> | undefined
  /** What is waited for besides messages: one sleep over many of them, since they come by the thousand. */
  #alarm: { readonly atMs: number; readonly rings: Promise<'due'> } | undefined
  #sleeping = new AbortController()
  /** The full segment that is being stored. */
  #storing: Promise<void> | undefined
  /** The bytes of the one before, to be used again: free once nothing is being stored. */
  #spare: Buffer | undefined

  constructor(
    request: ReceptionRequest,
    context: { readonly clock: Clock; readonly onEvent: (event: ReceiverEvent) => void },
    signal: AbortSignal,
  ) {
    this.#request = request
    this.#clock = context.clock
    this.#onEvent = context.onEvent
    this.#signal = signal
  }

  /** Resolves where the timeline ends; rejects with the connection's Failure, or the storage's. */
  async run(connection: PostgresqlConnection, start: ReceptionStart): Promise<void> {
    const { slot } = this.#request
    const buffer = new SegmentBuffer({ ...start, start: start.lsn })
    this.#durable = start.lsn
    this.#waitingSinceMs = undefined
    this.#coming = undefined
    this.#storing = undefined
    this.#spare = undefined
    this.#askedAtMs = undefined
    this.#reportedAtMs = this.#clock.monotonicMs()
    this.#alarm = undefined
    this.#sleeping = new AbortController()
    using stream = new ReplicationStream(connection, { slot, ...start })
    try {
      await this.#receive(stream, buffer)
    } finally {
      // Nothing goes on in the background when this has ended; whether it failed matters to nobody any more.
      const storing = this.#storing as Promise<void> | undefined
      await storing?.catch(() => {})
      this.#sleeping.abort()
    }
  }

  async #receive(stream: ReplicationStream, buffer: SegmentBuffer): Promise<void> {
    for (;;) {
      throwIfStopped(this.#signal)
      const message = stream.take()
      if (message !== undefined) this.#askedAtMs = undefined
      if (message === undefined) await this.#wait(stream)
      else if (message.kind === 'wal') await this.#take(message, buffer, stream)
      else if (message.kind === 'keepalive') this.#keepalive(message, buffer, stream)
      else {
        await this.#storePart(buffer, stream)
        this.#onEvent({ kind: 'switched', timeline: message.timeline, at: message.lsn })
        return
      }
      if (this.#waitMs() <= 0) await this.#storePart(buffer, stream)
      if (this.#clock.monotonicMs() - this.#reportedAtMs >= reportEveryMs) this.#report(buffer, stream)
    }
  }

  /** Until a message comes, or something else is due before it. */
  async #wait(stream: ReplicationStream): Promise<void> {
    if (this.#coming === undefined) {
      this.#coming = stream.more()
      this.#coming.catch(() => {}) // It may be another call that waits for it.
    }
    const due = this.#due()
    const stored = this.#storing?.then(() => 'stored' as const) ?? due
    const first = await Promise.race([this.#coming.then(() => 'come' as const), due, stored])
    if (first === 'come') this.#coming = undefined
    else this.#requireAnswer()
    if (first === 'stored') this.#storing = undefined
  }

  /** Rings when something else than a message is due, or before: what is due may have moved since it was set. */
  #due(): Promise<'due'> {
    const atMs = Math.min(this.#clock.monotonicMs() + this.#waitMs(), this.#reportedAtMs + reportEveryMs)
    if (this.#alarm !== undefined && this.#alarm.atMs <= atMs) return this.#alarm.rings
    const waitMs = Math.max(0, atMs - this.#clock.monotonicMs())
    const rings = this.#clock.sleep(waitMs, AbortSignal.any([this.#signal, this.#sleeping.signal])).then(
      () => 'due' as const,
      () => 'due' as const, // The work was stopped, or has ended.
    )
    const alarm = { atMs, rings }
    this.#alarm = alarm
    void rings.then(() => {
      if (this.#alarm === alarm) this.#alarm = undefined
    })
    return rings
  }

  /** Without this a cut network is noticed when the system gives up on it, which takes a quarter of an hour; a server that hangs never. */
  #requireAnswer(): void {
    const askedAtMs = this.#askedAtMs
    if (askedAtMs === undefined || this.#clock.monotonicMs() - askedAtMs < answerMsMax) return
    throw new Failure(
      'connection_failed',
      `Cannot receive WAL over slot "${this.#request.slot}": the server has not answered for ${answerMsMax / 1000} s`,
      { facts: { hint: 'Look whether the server hangs, or the network to it is cut' } },
    )
  }

  /** Until what was received must be stored. */
  #waitMs(): number {
    if (this.#waitingSinceMs === undefined) return Number.POSITIVE_INFINITY
    const partEveryMs = Math.min(this.#request.partEveryMs, partEveryMsMax)
    return this.#waitingSinceMs + partEveryMs - this.#clock.monotonicMs()
  }

  async #take(
    message: ReplicationMessage & { kind: 'wal' },
    buffer: SegmentBuffer,
    stream: ReplicationStream,
  ): Promise<void> {
    let { bytes, lsn } = message
    while (bytes.length > 0) {
      const taken = buffer.take(bytes, lsn)
      bytes = bytes.subarray(taken)
      lsn += BigInt(taken)
      if (buffer.isFull) await this.#storeWhole(buffer, stream)
    }
    if (lsn > this.#serverEnd) this.#serverEnd = lsn
    if (buffer.end > this.#durable) this.#waitingSinceMs ??= this.#clock.monotonicMs()
  }

  #keepalive(
    message: ReplicationMessage & { kind: 'keepalive' },
    buffer: SegmentBuffer,
    stream: ReplicationStream,
  ): void {
    if (message.walEnd > this.#serverEnd) this.#serverEnd = message.walEnd
    if (this.#serverEnd <= this.#durable) this.#onEvent({ kind: 'current', end: this.#durable })
    if (message.wantsReply) this.#report(buffer, stream)
  }

  /** Stores a full segment while the next one is received; one at a time, so that what is stored has no gap. */
  async #storeWhole(buffer: SegmentBuffer, stream: ReplicationStream): Promise<void> {
    await this.#settle()
    const full = buffer.advance(this.#spare ?? Buffer.allocUnsafeSlow(buffer.content.length))
    this.#spare = full.content
    this.#behindFullSinceMs = this.#clock.monotonicMs()
    this.#storing = this.#storeFull(full, buffer, stream)
    this.#storing.catch(() => {}) // It is told where it is waited for.
  }

  /**
   * The whole segment is the commit point: then its beginnings go, and the server is told. A crash before it leaves the
   * longest beginning; a crash behind it leaves beginnings that retention removes.
   */
  async #storeFull(
    { name, content, end }: FullSegment,
    buffer: SegmentBuffer,
    stream: ReplicationStream,
  ): Promise<void> {
    const { archive, systemIdentifier } = this.#request
    await archive.put({ systemIdentifier, name, content, isPart: false }, this.#signal)
    this.#stored({ name, end, isPart: false }, buffer, stream)
    await archive.remove(await this.#parts(name), this.#signal)
  }

  /** Resolves when no segment is being stored; rejects where the last one could not be. */
  async #settle(): Promise<void> {
    const storing = this.#storing
    await storing
    this.#storing = undefined
  }

  /** The longer beginning is stored before the shorter ones go, so that one is there at every moment. */
  async #storePart(buffer: SegmentBuffer, stream: ReplicationStream): Promise<void> {
    await this.#settle()
    const { archive, systemIdentifier } = this.#request
    const { name, content, end } = buffer
    if (end === this.#durable || content.length === 0) return
    await archive.put({ systemIdentifier, name, content, isPart: true }, this.#signal)
    this.#stored({ name, end, isPart: true }, buffer, stream)
    const shorter = (await this.#parts(name)).filter(({ partBytes }) => partBytes! < content.length)
    await archive.remove(shorter, this.#signal)
  }

  #stored(
    { name, end, isPart }: { readonly name: string; readonly end: Lsn; readonly isPart: boolean },
    buffer: SegmentBuffer,
    stream: ReplicationStream,
  ): void {
    this.#durable = end
    // What came while a full segment was stored has waited since then.
    this.#waitingSinceMs = buffer.end === end ? undefined : this.#behindFullSinceMs
    this.#report(buffer, stream)
    this.#onEvent({ kind: 'stored', name, isPart, end, serverEnd: this.#serverEnd })
  }

  #report(buffer: SegmentBuffer, stream: ReplicationStream): void {
    stream.report(buffer.end, this.#durable, this.#clock.now())
    this.#reportedAtMs = this.#clock.monotonicMs()
    this.#askedAtMs ??= this.#reportedAtMs
  }

  async #parts(name: string): Promise<WalEntry[]> {
    const folder = `${this.#request.systemIdentifier}/${name.slice(0, 8)}/${name.slice(8, 16)}/`
    return await this.#request.archive.list(`${folder}${name}.part-`, this.#signal)
  }
}

import { Failure } from '../../base/failure.ts'
import type { PostgresqlConnection } from './connection.ts'
import { formatLsn, parseLsn, type Lsn } from './lsn.ts'
import { decodeNotice, decodeRow, ServerError, type ServerNotice } from './wire-messages.ts'
import { WireReader, type WireMessage } from './wire-reader.ts'

/** What comes over a stream of physical replication. */
export type ReplicationMessage =
  /** The bytes are good until the next call. */
  | { readonly kind: 'wal'; readonly lsn: Lsn; readonly bytes: Buffer }
  | { readonly kind: 'keepalive'; readonly walEnd: Lsn; readonly wantsReply: boolean }
  /** The timeline ended where the next one forked; the stream is over. */
  | { readonly kind: 'switch'; readonly timeline: number; readonly lsn: Lsn }

const walHeadBytes = 25
const keepaliveHeadBytes = 18
const letterWal = 0x77
const letterKeepalive = 0x6b
const objectInUse = '55006'
const notInPrerequisiteState = '55000'
const epochUs = 946_684_800_000_000n

/**
 * The write-ahead log as it is made, with the position that is reported to the server apart from the one that was read: what
 * the server may forget is the caller's to say. Uses the connection, which must be one for replication, up.
 */
export class ReplicationStream implements Disposable {
  readonly #wire: WireReader
  readonly #connection: PostgresqlConnection
  #next: Lsn
  #head: Buffer = Buffer.alloc(0)
  #switchedTo: { readonly timeline: number; readonly lsn: Lsn } | undefined

  constructor(
    connection: PostgresqlConnection,
    start: { readonly slot: string; readonly timeline: number; readonly lsn: Lsn },
  ) {
    this.#connection = connection
    this.#next = start.lsn
    this.#wire = new WireReader(connection)
    this.#wire.query(
      `START_REPLICATION SLOT "${start.slot}" PHYSICAL ${formatLsn(start.lsn)} TIMELINE ${start.timeline}`,
    )
  }

  /**
   * The next message, if it is here already. Failures: `wal_gap` where the server has removed what was asked for, or its slot
   * lost it; `database_busy` where another one streams from the slot; those of the connection.
   */
  take(): ReplicationMessage | undefined {
    try {
      for (let next = this.#wire.read(); next !== undefined; next = this.#wire.read()) {
        const message = this.#take(next)
        if (message !== undefined) return message
      }
      return undefined
    } catch (error) {
      throw this.#connection.failure(error)
    }
  }

  /** Resolves when more has come; rejects with the connection's Failure. */
  async more(): Promise<void> {
    try {
      await this.#wire.more()
    } catch (error) {
      throw this.#connection.failure(error)
    }
  }

  /** Tells the server what was received, and what is durable and may be forgotten by it. It answers with a `keepalive`. */
  report(received: Lsn, durable: Lsn, now: Date): void {
    const body = Buffer.alloc(34)
    body.write('r', 'latin1')
    body.writeBigUInt64BE(received, 1)
    body.writeBigUInt64BE(durable, 9)
    body.writeBigUInt64BE(durable, 17)
    body.writeBigInt64BE(BigInt(now.getTime()) * 1000n - epochUs, 25)
    body[33] = 1 // An answer is asked for: a server that has nothing to tell may be one that is gone.
    this.#wire.send('d', body)
  }

  /** Resolves when what was reported is on its way as far as the system takes it. */
  async sent(): Promise<void> {
    await this.#wire.sent()
  }

  [Symbol.dispose](): void {
    this.#wire[Symbol.dispose]()
  }

  #take(message: WireMessage): ReplicationMessage | undefined {
    const { type, bytes } = message
    if (type === 'd') return this.#copyData(message)
    if (type === 'E') throw this.#refusal(decodeNotice(bytes))
    // The server ends the copy where its timeline ends; it waits for ours, and then tells which one follows.
    if (type === 'c') this.#wire.send('c', new Uint8Array())
    if (type === 'D') {
      const [timeline, lsn] = decodeRow(bytes)
      this.#switchedTo = { timeline: Number(timeline), lsn: parseLsn(lsn ?? '') }
    }
    if (type !== 'Z') return undefined
    if (this.#switchedTo !== undefined) return { kind: 'switch', ...this.#switchedTo }
    throw new Failure('connection_failed', `Cannot read the WAL of "${this.#connection.server}": it ended the stream`)
  }

  #refusal(notice: ServerNotice): Error {
    const doing = `Cannot read the WAL of "${this.#connection.server}": ${notice.message}`
    // The one who had it may be dead without the server knowing yet.
    if (notice.code === objectInUse) return new Failure('database_busy', doing)
    if (notice.code !== notInPrerequisiteState) return new ServerError(notice)
    return new Failure('wal_gap', doing, {
      facts: { hint: 'The slot lost what it was to keep. Drop it, receive with a new one, and take a snapshot' },
    })
  }

  /** A message comes in pieces; its head may be cut too. */
  #copyData({ bytes, isFirst, isLast }: WireMessage): ReplicationMessage | undefined {
    if (isFirst) this.#head = Buffer.alloc(0)
    const missing = walHeadBytes - this.#head.length
    if (missing <= 0) return this.#wal(bytes)
    this.#head = Buffer.concat([this.#head, bytes.subarray(0, missing)])
    if (this.#head[0] === letterKeepalive && isLast && this.#head.length === keepaliveHeadBytes) {
      return { kind: 'keepalive', walEnd: this.#head.readBigUInt64BE(1), wantsReply: this.#head[17] === 1 }
    }
    if (this.#head[0] !== letterWal || this.#head.length < walHeadBytes) return undefined
    const lsn = this.#head.readBigUInt64BE(1)
    if (lsn === this.#next) return this.#wal(bytes.subarray(missing))
    const found = `${formatLsn(lsn)} came, expected ${formatLsn(this.#next)}`
    throw new Failure('connection_failed', `Cannot read the WAL of "${this.#connection.server}": ${found}`)
  }

  #wal(bytes: Buffer): ReplicationMessage | undefined {
    if (this.#head[0] !== letterWal || bytes.length === 0) return undefined
    const lsn = this.#next
    this.#next += BigInt(bytes.length)
    return { kind: 'wal', lsn, bytes }
  }
}

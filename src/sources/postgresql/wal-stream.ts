import { Failure } from '../../base/failure.ts'
import type { PostgresqlConnection } from './connection.ts'
import { formatLsn, type Lsn } from './lsn.ts'
import { decodeNotice, ServerError } from './wire-messages.ts'
import { WireReader } from './wire-reader.ts'

/** The letter, and three numbers of eight bytes: where the data begins, where the server's WAL ends, the time. */
const dataHeadBytes = 25
/** The server is told how far we are at least each so many bytes. */
const statusEveryBytes = 4 * 1024 * 1024
/** SQLSTATE: the slot no longer holds the WAL that it stood for. */
const slotLost = '55000'
const microsecondsFrom1970To2000 = 946_684_800_000_000n

export interface WalStreamStart {
  /** Undefined to stream without one. */
  readonly slot: string | undefined
  readonly timeline: number
  /** Beginning of a segment. */
  readonly lsn: Lsn
}

/**
 * The write-ahead log as the server streams it over a replication connection, which is used up by it. Nothing that
 * was not asked for is read ahead but what is in the network.
 */
export class WalStream implements Disposable {
  readonly #wire: WireReader
  readonly #connection: PostgresqlConnection
  #lsn: Lsn
  #statusAt: Lsn
  /** Of the message that is being read. */
  #head: Buffer = Buffer.alloc(0)
  #rest: Buffer = Buffer.alloc(0)
  /** Whether the server was asked for a sign of life, which is still to come. */
  #isAsked = false

  /** Failure `wal_gap` where the server has that WAL no more. */
  constructor(connection: PostgresqlConnection, start: WalStreamStart) {
    this.#connection = connection
    this.#wire = new WireReader(connection, () => this.#askOrGiveUp())
    this.#lsn = start.lsn
    this.#statusAt = start.lsn
    const slot = start.slot === undefined ? '' : `SLOT "${start.slot}" `
    this.#wire.query(`START_REPLICATION ${slot}PHYSICAL ${formatLsn(start.lsn)} TIMELINE ${start.timeline}`)
  }

  /** Where the next byte lies. */
  get lsn(): Lsn {
    return this.#lsn
  }

  /**
   * Reads on to this position, exactly; `take` gets every byte in its order, in pieces that are good until what it
   * answers is fulfilled. Waits for the server to have written so far.
   */
  async readTo(end: Lsn, take: (bytes: Buffer, lsn: Lsn) => Promise<void> | undefined): Promise<void> {
    try {
      while (this.#lsn < end) {
        if (this.#rest.length === 0) {
          await this.#receive()
          continue
        }
        const length = Number(end - this.#lsn < BigInt(this.#rest.length) ? end - this.#lsn : BigInt(this.#rest.length))
        const bytes = this.#rest.subarray(0, length)
        this.#rest = this.#rest.subarray(length)
        const at = this.#lsn
        this.#lsn += BigInt(length)
        await take(bytes, at)
        if (this.#lsn - this.#statusAt >= statusEveryBytes) this.#status()
      }
    } catch (error) {
      const failure = this.#connection.failure(error)
      if (failure.facts.state !== slotLost) throw failure
      throw new Failure('wal_gap', failure.message, {
        cause: failure,
        facts: { hint: 'The server dropped WAL while it was needed: raise max_slot_wal_keep_size in postgresql.conf' },
      })
    }
  }

  [Symbol.dispose](): void {
    this.#wire[Symbol.dispose]()
  }

  async #receive(): Promise<void> {
    const { type, bytes, isFirst, isLast } = await this.#wire.next()
    this.#isAsked = false
    if (type === 'E') throw new ServerError(decodeNotice(bytes))
    if (type === 'c' || type === 'Z')
      throw new Failure(
        'connection_failed',
        'Cannot read the WAL: the server ended the stream; its timeline has changed',
      )
    if (type !== 'd') return
    if (isFirst) this.#head = Buffer.alloc(0)
    const missing = dataHeadBytes - this.#head.length
    if (missing > 0) {
      this.#head = Buffer.concat([this.#head, bytes.subarray(0, missing)])
      if (this.#head[0] === 0x6b && isLast) this.#keepAlive(this.#head)
      if (this.#head.length < dataHeadBytes || this.#head[0] !== 0x77) return
      const lsn = this.#head.readBigUInt64BE(1)
      if (missing > 0 && lsn !== this.#lsn)
        throw new Failure(
          'connection_failed',
          `Cannot read the WAL: ${formatLsn(lsn)} came, expected ${formatLsn(this.#lsn)}`,
        )
    }
    if (this.#head[0] === 0x77) this.#rest = bytes.subarray(Math.max(0, missing))
  }

  #keepAlive(message: Buffer): void {
    if (message[17] === 1) this.#status()
  }

  #askOrGiveUp(): void {
    if (this.#isAsked) {
      const found = 'the server answers nothing any more'
      throw new Failure('connection_failed', `Cannot read the WAL of "${this.#connection.server}": ${found}`, {
        facts: { hint: 'It hangs, or the network to it is cut: look at its processes and its disk, and try again' },
      })
    }
    this.#status(1)
    this.#isAsked = true
  }

  #status(wantsReply: 0 | 1 = 0): void {
    const body = Buffer.alloc(34)
    body.write('r', 'latin1')
    for (const at of [1, 9, 17]) body.writeBigUInt64BE(this.#lsn, at)
    body.writeBigInt64BE(-microsecondsFrom1970To2000, 25) // The time is for the server's own display.
    body[33] = wantsReply
    this.#wire.send('d', body)
    this.#statusAt = this.#lsn
  }
}

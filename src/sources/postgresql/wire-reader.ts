import type { Socket } from 'node:net'
import { Failure } from '../../base/failure.ts'
import type { PostgresqlConnection } from './connection.ts'
import type { SocketRing } from './socket-ring.ts'

/** The server may be so far ahead of us, bytes, before its socket is paused. */
const aheadBytesMax = 1024 * 1024
/** Messages other than copy data are answers to commands; a larger one is none of this protocol. */
const messageBytesMax = 64 * 1024 * 1024

/** A message of the server. Copy data comes in pieces, as it arrives; everything else whole. */
export interface WireMessage {
  /** The letter that the protocol gives it: "d" is copy data. */
  readonly type: string
  /** The body, or a piece of it; good until the next call. */
  readonly bytes: Buffer
  readonly isFirst: boolean
  readonly isLast: boolean
}

/**
 * Takes a connection over from its driver and reads the server's messages without copying what they carry. While
 * nobody reads, the socket is paused, and with it the server.
 */
export class WireReader implements Disposable {
  readonly #socket: Socket
  readonly #connection: PostgresqlConnection
  readonly #ring: SocketRing | undefined
  readonly #waiting: Buffer[] = []
  #bytesWaiting = 0
  #chunk: Buffer = Buffer.alloc(0)
  /** The chunk as it came, while it is read from. */
  #lent: Buffer | undefined
  #at = 0
  /** Of the message that is being read: its letter, and what of it is still to come. */
  #type = ''
  #left = 0
  #isFirst = true
  #end: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined
  readonly #over = new AbortController()
  #isSending = false
  #arrivals = 0
  #arrivalsAtLook = 0

  /** `onSilence`: looks whether the server hangs, where it says nothing for long; see PostgresqlConnection.watch(). */
  constructor(connection: PostgresqlConnection, onSilence?: () => void) {
    this.#connection = connection
    this.#socket = connection.socket
    this.#socket.removeAllListeners('data')
    this.#ring = connection.ring
    if (this.#ring === undefined) this.#socket.on('data', this.#take)
    else this.#ring.takeOver(this.#take)
    this.#socket.on('error', this.#fail)
    this.#socket.on('close', this.#closed)
    connection
      .watch(() => this.#isSilent(), this.#over.signal, onSilence)
      .catch((error: unknown) => {
        if (this.#over.signal.aborted) return
        this.#fail(error)
        this.#socket.destroy()
      })
  }

  /** Sends a command. Its answer is everything up to "Z". */
  query(command: string): void {
    const text = Buffer.from(`${command}\0`, 'utf8')
    this.send('Q', text)
  }

  /** Sends a message of this letter. */
  send(type: string, body: Uint8Array): void {
    const head = Buffer.alloc(5)
    head.write(type, 'latin1')
    head.writeUInt32BE(body.length + 4, 1)
    this.#socket.write(head)
    this.#socket.write(body)
  }

  /** Resolves when what was sent is on its way as far as the system takes it. */
  async sent(): Promise<void> {
    if (!this.#socket.writableNeedDrain) return
    this.#isSending = true
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#socket.off('drain', done)
        this.#socket.off('close', done)
        this.#isSending = false
        resolve()
      }
      this.#socket.on('drain', done)
      this.#socket.on('close', done)
    })
  }

  /** The next message, or piece of one. Rejects with the connection's Failure when it breaks, or ends. */
  async next(): Promise<WireMessage> {
    for (;;) {
      const message = this.read()
      if (message !== undefined) return message
      await this.more()
    }
  }

  /** The next message if it is here already. */
  read(): WireMessage | undefined {
    if (this.#left === 0) {
      const head = this.#whole(5)
      if (head === undefined) return undefined
      this.#type = String.fromCharCode(head[0]!)
      this.#left = head.readUInt32BE(1) - 4
      this.#isFirst = true
      if (this.#left < 0) throw this.#broken('a message of less than no length')
      if (this.#left === 0) return { type: this.#type, bytes: head.subarray(5), isFirst: true, isLast: true }
    }
    return this.#type === 'd' ? this.#piece() : this.#message()
  }

  /** Resolves when more has arrived. */
  async more(): Promise<void> {
    if (this.#waiting.length > 0) return
    if (this.#end !== undefined) throw this.#connection.failure(this.#end.error)
    if (this.#socket.isPaused()) this.#socket.resume()
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
  }

  [Symbol.dispose](): void {
    this.#over.abort()
    this.#socket.off('data', this.#take)
    this.#socket.off('close', this.#closed)
    this.#socket.off('error', this.#fail)
    this.#socket.on('error', () => {}) // Nobody waits for it any more.
    this.#socket.destroy()
  }

  /** Whether somebody waits for the server, and nothing has come since this was asked last. */
  #isSilent(): boolean {
    const isSame = this.#arrivals === this.#arrivalsAtLook
    this.#arrivalsAtLook = this.#arrivals
    return isSame && (this.#wake !== undefined || this.#isSending)
  }

  #message(): WireMessage | undefined {
    if (this.#left > messageBytesMax) throw this.#broken(`a message of ${this.#left} bytes`)
    const bytes = this.#whole(this.#left)
    if (bytes === undefined) return undefined
    this.#left = 0
    return { type: this.#type, bytes, isFirst: true, isLast: true }
  }

  #piece(): WireMessage | undefined {
    if (this.#at === this.#chunk.length && !this.#nextChunk()) return undefined
    const length = Math.min(this.#left, this.#chunk.length - this.#at)
    const bytes = this.#chunk.subarray(this.#at, this.#at + length)
    this.#at += length
    this.#left -= length
    const isFirst = this.#isFirst
    this.#isFirst = false
    return { type: 'd', bytes, isFirst, isLast: this.#left === 0 }
  }

  /** So many bytes in one piece; undefined until they are here. */
  #whole(length: number): Buffer | undefined {
    while (this.#chunk.length - this.#at < length) {
      const rest = Buffer.from(this.#chunk.subarray(this.#at)) // What it lies in is given back below.
      if (!this.#nextChunk()) return undefined
      if (rest.length === 0) continue
      this.#chunk = Buffer.concat([rest, this.#chunk])
      this.#giveBack()
    }
    const bytes = this.#chunk.subarray(this.#at, this.#at + length)
    this.#at += length
    return bytes
  }

  #nextChunk(): boolean {
    const next = this.#waiting.shift()
    if (next === undefined) return false
    this.#bytesWaiting -= next.length
    if (this.#bytesWaiting < aheadBytesMax / 2 && this.#socket.isPaused()) this.#socket.resume()
    this.#giveBack()
    this.#lent = next
    this.#chunk = next
    this.#at = 0
    return true
  }

  /** The chunk that was read from last is not needed any more. */
  #giveBack(): void {
    if (this.#lent !== undefined) this.#ring?.release(this.#lent)
    this.#lent = undefined
  }

  readonly #take = (chunk: Buffer): void => {
    this.#arrivals += 1
    this.#waiting.push(chunk)
    this.#bytesWaiting += chunk.length
    if (this.#ring === undefined && this.#bytesWaiting >= aheadBytesMax) this.#socket.pause()
    this.#rouse()
  }

  readonly #fail = (error: unknown): void => {
    this.#end ??= { error }
    this.#rouse()
  }

  readonly #closed = (): void => {
    this.#fail(new Error('the server closed the connection'))
  }

  #rouse(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  #broken(found: string): Failure {
    return new Failure('connection_failed', `Cannot read PostgreSQL "${this.#connection.server}": it sent ${found}`)
  }
}

import { Socket } from 'node:net'

/** One read of the system fills at most so many bytes. */
const bufferBytes = 128 * 1024
/** So much may have arrived and wait to be looked at; then the socket is not read, and the server has to wait. */
const buffersMax = 12

/**
 * A socket whose bytes are read into few buffers, over and over: a new buffer for each read would keep the garbage
 * collector busier than everything else that is done with them. Until somebody takes the bytes, the socket is
 * like any other.
 */
export class SocketRing {
  readonly socket: Socket
  readonly #free: Buffer[] = Array.from({ length: buffersMax }, () => Buffer.allocUnsafeSlow(bufferBytes))
  #take: ((chunk: Buffer) => void) | undefined
  #isHeld = false

  constructor() {
    this.socket = new Socket({
      onread: {
        buffer: () => this.#free.pop() ?? Buffer.allocUnsafeSlow(bufferBytes),
        callback: (length, buffer) => this.#received(Buffer.from(buffer.buffer, buffer.byteOffset, length)),
      },
    })
  }

  /** From now on chunks go there, and each must be given back by release(). */
  takeOver(take: (chunk: Buffer) => void): void {
    this.#take = take
  }

  /** Nobody looks at this chunk any more. */
  release(chunk: Buffer): void {
    if (this.#free.length < buffersMax) this.#free.push(Buffer.from(chunk.buffer))
    if (!this.#isHeld || this.#free.length < buffersMax / 2) return
    this.#isHeld = false
    this.socket.resume()
  }

  /** Answers whether to go on reading. */
  #received(chunk: Buffer): boolean {
    if (this.#take === undefined) {
      this.socket.emit('data', Buffer.from(chunk))
      this.#free.push(Buffer.from(chunk.buffer))
      return true
    }
    this.#take(chunk)
    this.#isHeld = this.#free.length === 0
    return !this.#isHeld
  }
}

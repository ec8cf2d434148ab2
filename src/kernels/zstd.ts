import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { errorMessage } from '../base/error-message.ts'
import { Failure } from '../base/failure.ts'
import { zstdFrames } from './zstd-frame.ts'
import { openCompressHandle, openDecompressHandle, zstdParameters } from './zstd-handle.ts'
import type { ZstdHandle, ZstdSettings } from './zstd-handle.ts'

export type { ZstdSettings } from './zstd-handle.ts'
export { looksCompressible } from './looks-compressible.ts'

/** Room for the frame of the most stubborn input of this length, bytes. With less, compress() is slower. */
export function compressedBytesMax(inputBytes: number): number {
  const smallBytes = 128 * 1024
  return inputBytes + (inputBytes >>> 8) + (inputBytes < smallBytes ? (smallBytes - inputBytes) >>> 11 : 0) + 1
}

/**
 * Settings for programs and sources in chunks of 1 MiB: about 2 per cent more bytes than restic's default makes of
 * them, in two thirds of the time that level 3 takes (390 against 240 MB/s where it was measured). The
 * small table stays in the first cache, and level 1's own shortest repetition, 7 bytes, misses too much in programs.
 */
export const zstdFast: ZstdSettings = { level: 1, hashLog: 14, minMatch: 5 }

/** zstd with one context for all calls: to be made once a worker, and closed. */
export class ZstdCompressor {
  readonly #settings: ZstdSettings
  readonly #openHandle: typeof openCompressHandle
  #handle: ZstdHandle | undefined

  /** `openHandle` lends the reused context; one that answers undefined leaves Node's documented functions. */
  constructor(settings: ZstdSettings | number, openHandle = openCompressHandle) {
    this.#settings = typeof settings === 'number' ? { level: settings } : settings
    this.#openHandle = openHandle
    this.#handle = openHandle(this.#settings)
  }

  /** Compresses into one frame that names its content's size. Answers its length, or -1 where `output` is too short. */
  compress(input: Uint8Array, output: Uint8Array): number {
    if (this.#handle === undefined) return this.#compressAtOnce(input, output)
    const { inputLeft, outputLeft } = this.#handle.run(input, 0, output, 0)
    // Room left over says that the frame was ended. Else the context is in the middle of one, and of no use.
    if (inputLeft === 0 && outputLeft > 0) return output.length - outputLeft
    this.#handle.close()
    this.#handle = this.#openHandle(this.#settings)
    return -1
  }

  /** Frees the native memory; no call may follow. */
  close(): void {
    this.#handle?.close()
  }

  #compressAtOnce(input: Uint8Array, output: Uint8Array): number {
    const frame = zstdCompressSync(input, { params: zstdParameters(this.#settings) })
    if (frame.length >= output.length) return -1
    output.set(frame)
    return frame.length
  }
}

/** The way back, with one context for all calls: to be made once a worker, and closed. */
export class ZstdDecompressor {
  readonly #openHandle: typeof openDecompressHandle
  #handle: ZstdHandle | undefined

  /** `openHandle` is as for ZstdCompressor. */
  constructor(openHandle = openDecompressHandle) {
    this.#openHandle = openHandle
    this.#handle = openHandle()
  }

  /**
   * Decompresses all frames of `input` and answers the length of their content, which must fit `output`.
   * Failure `repository_damaged` where the data is bad, cut off, or longer than `output`.
   */
  decompress(input: Uint8Array, output: Uint8Array): number {
    const found = zstdFrames(input)
    if (found.kind === 'damaged') throw damaged(found.fault)
    let length = 0
    for (const { start, end, contentBytes } of found.frames) {
      const frame = input.subarray(start, end)
      const room = output.subarray(length)
      if (contentBytes !== undefined && contentBytes > room.length) throw tooLong(output.length)
      // Without a size, the end could not be told from a full output; Node's own function grows its output.
      const isForHandle = this.#handle !== undefined && contentBytes !== undefined
      const written = isForHandle ? this.#decompressFrame(this.#handle!, frame, room) : decompressAtOnce(frame, room)
      if (contentBytes !== undefined && written !== contentBytes) {
        throw damaged(`its content has ${written} bytes, expected ${contentBytes}`)
      }
      length += written
    }
    return length
  }

  /** Frees the native memory; no call may follow. */
  close(): void {
    this.#handle?.close()
  }

  #decompressFrame(handle: ZstdHandle, frame: Uint8Array, room: Uint8Array): number {
    let frameAt = 0
    let roomAt = 0
    try {
      while (frameAt < frame.length) {
        const { inputLeft, outputLeft } = handle.run(frame, frameAt, room, roomAt)
        if (frame.length - inputLeft === frameAt && room.length - outputLeft === roomAt) throw tooLong(room.length)
        frameAt = frame.length - inputLeft
        roomAt = room.length - outputLeft
      }
      return roomAt
    } catch (error) {
      handle.close()
      this.#handle = this.#openHandle() // The old context may be anywhere in a frame.
      throw error instanceof Failure ? error : damaged(errorMessage(error), error)
    }
  }
}

function decompressAtOnce(frame: Uint8Array, room: Uint8Array): number {
  let content: Buffer
  try {
    content = zstdDecompressSync(frame, { maxOutputLength: Math.max(1, room.length) })
  } catch (error) {
    throw damaged(errorMessage(error), error)
  }
  if (content.length > room.length) throw tooLong(room.length)
  room.set(content)
  return content.length
}

function tooLong(bytes: number): Failure {
  return damaged(`its content is longer than ${bytes} bytes`)
}

function damaged(fault: string, cause?: unknown): Failure {
  return new Failure('repository_damaged', `Cannot decompress zstd data: ${fault}`, { cause })
}

import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { errorMessage } from '../base/error-message.ts'
import { Failure } from '../base/failure.ts'
import { frameShape } from './zstd-frame.ts'
import { openCompressHandle, openDecompressHandle } from './zstd-handle.ts'
import type { ZstdHandle } from './zstd-handle.ts'

export { looksCompressible } from './looks-compressible.ts'

/** Room for the frame of the most stubborn input of this length, bytes. With less, compress() is slower. */
export function compressedBytesMax(inputBytes: number): number {
  const smallBytes = 128 * 1024
  return inputBytes + (inputBytes >>> 8) + (inputBytes < smallBytes ? (smallBytes - inputBytes) >>> 11 : 0) + 1
}

/** zstd with one context for all calls: to be made once a worker, and closed. */
export class ZstdCompressor {
  readonly #level: number
  #handle: ZstdHandle | undefined

  constructor(level: number) {
    this.#level = level
    this.#handle = openCompressHandle(level)
  }

  /** Compresses into one frame that names its content's size. Answers its length, or -1 where `output` is too short. */
  compress(input: Uint8Array, output: Uint8Array): number {
    if (this.#handle === undefined) return this.#compressAtOnce(input, output)
    const { inputLeft, outputLeft } = this.#handle.run(input, 0, output, 0)
    // Room left over says that the frame was ended. Else the context is in the middle of one, and of no use.
    if (inputLeft === 0 && outputLeft > 0) return output.length - outputLeft
    this.#handle.close()
    this.#handle = openCompressHandle(this.#level)
    return -1
  }

  /** Frees the native memory; no call may follow. */
  close(): void {
    this.#handle?.close()
  }

  #compressAtOnce(input: Uint8Array, output: Uint8Array): number {
    const frame = zstdCompressSync(input, { params: { [constants.ZSTD_c_compressionLevel]: this.#level } })
    if (frame.length >= output.length) return -1
    output.set(frame)
    return frame.length
  }
}

/** The way back, with one context for all calls: to be made once a worker, and closed. */
export class ZstdDecompressor {
  #handle: ZstdHandle | undefined = openDecompressHandle()

  /**
   * Decompresses all frames of `input` and answers the length of their content, which must fit `output`.
   * Failure `repository_damaged` where the data is bad, cut off, or longer than `output`.
   */
  decompress(input: Uint8Array, output: Uint8Array): number {
    const shape = frameShape(input)
    if (shape.kind === 'damaged') throw damaged(shape.fault)
    if (shape.contentBytes !== undefined && shape.contentBytes > output.length) throw tooLong(output.length)
    // Without the sizes the end could not be told from a full output; Node's own function grows its output.
    if (this.#handle === undefined || shape.contentBytes === undefined) return decompressAtOnce(input, output)
    try {
      let inputAt = 0
      let outputAt = 0
      while (inputAt < input.length) {
        const { inputLeft, outputLeft } = this.#handle.run(input, inputAt, output, outputAt)
        if (input.length - inputLeft === inputAt && output.length - outputLeft === outputAt)
          throw tooLong(output.length)
        inputAt = input.length - inputLeft
        outputAt = output.length - outputLeft
      }
      if (outputAt !== shape.contentBytes)
        throw damaged(`its content has ${outputAt} bytes, expected ${shape.contentBytes}`)
      return outputAt
    } catch (error) {
      this.#handle.close()
      this.#handle = openDecompressHandle() // The old context may be anywhere in a frame.
      throw error instanceof Failure ? error : damaged(errorMessage(error), error)
    }
  }

  /** Frees the native memory; no call may follow. */
  close(): void {
    this.#handle?.close()
  }
}

function decompressAtOnce(input: Uint8Array, output: Uint8Array): number {
  let content: Buffer
  try {
    content = zstdDecompressSync(input, { maxOutputLength: Math.max(1, output.length) })
  } catch (error) {
    throw damaged(errorMessage(error), error)
  }
  if (content.length > output.length) throw tooLong(output.length)
  output.set(content)
  return content.length
}

function tooLong(bytes: number): Failure {
  return damaged(`its content is longer than ${bytes} bytes`)
}

function damaged(fault: string, cause?: unknown): Failure {
  return new Failure('repository_damaged', `Cannot decompress zstd data: ${fault}`, { cause })
}

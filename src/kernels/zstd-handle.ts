import { constants, createZstdCompress, createZstdDecompress, zstdCompressSync } from 'node:zlib'

/**
 * The native context inside a Node zstd stream: not a documented interface. It is used because a context made
 * anew for each call costs 30 us, and one used again nothing. Whether it is there, and does what is expected, is
 * tried out each time one is opened; where not, the callers fall back to the documented one-shot functions.
 */
export interface ZstdHandle {
  /** One step of the context; throws an Error where the data is bad. Such a handle must not be used again. */
  run(input: Uint8Array, inputAt: number, output: Uint8Array, outputAt: number): ZstdStep
  /** Frees the native memory now. */
  close(): void
}

export interface ZstdStep {
  /** Bytes. */
  readonly inputLeft: number
  /** Bytes. */
  readonly outputLeft: number
}

/** What Node 24 has inside its stream. */
interface NativeStream {
  readonly _writeState: Uint32Array
  readonly _handle: {
    onerror: (message: string, errno: number, code: string) => void
    close(): void
    writeSync(
      flush: number,
      input: Uint8Array,
      inputAt: number,
      inputLength: number,
      output: Uint8Array,
      outputAt: number,
      outputLength: number,
    ): void
  }
}

/** How hard a compressor tries. What is not given is zstd's own choice for the level. */
export interface ZstdSettings {
  readonly level: number
  /** Binary logarithm of the entries of the table of earlier places, of 4 bytes each: small tables stay in the cache. */
  readonly hashLog?: number
  /** Bytes that a repetition must have at least to be looked for. */
  readonly minMatch?: number
}

/** The settings as Node's zlib takes them. */
export function zstdParameters(settings: ZstdSettings): Record<number, number> {
  const { level, hashLog, minMatch } = settings
  return {
    [constants.ZSTD_c_compressionLevel]: level,
    ...(hashLog !== undefined && { [constants.ZSTD_c_hashLog]: hashLog }),
    ...(minMatch !== undefined && { [constants.ZSTD_c_minMatch]: minMatch }),
  }
}

/** A compressing context, or undefined where this Node does not lend one. */
export function openCompressHandle(settings: ZstdSettings): ZstdHandle | undefined {
  const stream: unknown = createZstdCompress({ params: zstdParameters(settings) })
  return wrap(stream, (handle) => {
    const output = Buffer.alloc(64)
    const { inputLeft, outputLeft } = handle.run(Buffer.from('abc'), 0, output, 0)
    const magic = output.readUInt32LE(0)
    return inputLeft === 0 && outputLeft > 0 && outputLeft < 60 && magic === 0xfd2fb528
  })
}

/** A decompressing context, or undefined where this Node does not lend one. */
export function openDecompressHandle(): ZstdHandle | undefined {
  const stream: unknown = createZstdDecompress()
  return wrap(stream, (handle) => {
    const output = Buffer.alloc(8)
    const { inputLeft, outputLeft } = handle.run(zstdCompressSync('abc'), 0, output, 2)
    return inputLeft === 0 && outputLeft === 3 && output.toString('latin1', 2, 5) === 'abc'
  })
}

function wrap(stream: unknown, works: (handle: ZstdHandle) => boolean): ZstdHandle | undefined {
  if (!isNativeStream(stream)) return undefined
  const { _handle: native, _writeState: state } = stream
  let fault: string | undefined
  // oxlint-disable-next-line prefer-add-event-listener -- a native handle: this is its only way to tell
  native.onerror = (message, _errno, code) => {
    fault = `${message} (${code})`
  }
  const handle: ZstdHandle = {
    run(input, inputAt, output, outputAt) {
      native.writeSync(
        constants.ZSTD_e_end,
        ...([input, inputAt, input.length - inputAt] as const),
        ...([output, outputAt, output.length - outputAt] as const),
      )
      if (fault !== undefined) throw new Error(fault)
      return { outputLeft: state[0]!, inputLeft: state[1]! }
    },
    close: () => native.close(),
  }
  try {
    return works(handle) ? handle : undefined
  } catch {
    return undefined // A Node whose handle takes other arguments: the caller has the documented way.
  }
}

function isNativeStream(stream: unknown): stream is NativeStream {
  if (typeof stream !== 'object' || stream === null) return false
  if (!('_handle' in stream && '_writeState' in stream)) return false
  const { _handle: handle, _writeState: state } = stream
  if (!(state instanceof Uint32Array) || state.length < 2) return false
  if (typeof handle !== 'object' || handle === null) return false
  return 'writeSync' in handle && 'close' in handle && typeof handle.writeSync === 'function'
}

import { Failure } from '../base/failure.ts'
import { expandGearKey } from './gear-key.ts'
import { kernelModule } from './kernel-module.ts'

/** Bounds of a content-defined chunk, bytes. The last chunk of a file may be shorter than the minimum. */
export const chunkBytesMin = 512 * 1024
export const chunkBytesTarget = 1024 * 1024
export const chunkBytesMax = 8 * 1024 * 1024

const pageBytes = 64 * 1024
/** Room for the module's static areas; checked against the module when it is loaded. */
const staticBytesMax = pageBytes
/** The module is 32-bit, and its addresses are signed on the JavaScript side. */
const regionBytesMax = 2 ** 31 - 2 * pageBytes

/** What another thread needs to see the same memory: plain data for postMessage() or workerData. */
export interface SharedKernelMemory {
  readonly memory: WebAssembly.Memory
  readonly regionBytes: number
}

/** Compares a directory with its tree in the parent snapshot; assembly/tree-matcher.ts says how. Addresses are indices of the memory. */
export interface TreeKernel {
  beginTree(start: number, end: number): number
  countEntries(at: number, end: number): number
  nextName(): number
  matchNode(statAt: number): number
  setOwner(uid: number, gid: number, bytes: number): void
  readId(at: number): number
  matchFoundAt(): number
  matchOwnerAt(): number
  matchIdAt(): number
}

interface KernelExports extends TreeKernel {
  staticEnd(): number
  setConstants(): void
  gearKeyAt(): number
  cut(start: number, end: number, atEnd: number): number
  macKeyAt(): number
  macPadAt(): number
  macTagAt(): number
  setMacKey(): void
  mac(start: number, end: number, tagAt: number): void
}

/**
 * The WebAssembly kernels over one shared memory of fixed size: [start, start + regionBytes) belongs to the
 * caller, and the kernels work on it in place. Other threads may read and write that region through
 * `buffer`; only one thread at a time may call the methods, since keys and pads lie in the memory too.
 */
export class KernelMemory {
  readonly shared: SharedKernelMemory
  readonly buffer: SharedArrayBuffer
  /** The whole memory: the addresses of the methods are indices of it. */
  readonly bytes: Uint8Array<SharedArrayBuffer>
  /** First byte of the caller's region; a multiple of 64. */
  readonly start: number
  /** First byte behind the caller's region. */
  readonly end: number
  /** 16 bytes outside the caller's region where a tag may be written that nobody keeps. */
  readonly tagAt: number
  readonly trees: TreeKernel
  readonly #kernels: KernelExports
  readonly #gearKeyAt: number
  readonly #macKeyAt: number
  readonly #macPadAt: number
  #macKey: Uint8Array | undefined
  #isGearKeySet = false

  constructor(options: { readonly regionBytes: number } | SharedKernelMemory) {
    const { regionBytes } = options
    if (!Number.isInteger(regionBytes) || regionBytes < 0 || regionBytes > regionBytesMax) {
      throw new Failure('defect', `Cannot make a memory of ${regionBytes} bytes: expected 0 to ${regionBytesMax}`)
    }
    const pages = Math.ceil((staticBytesMax + regionBytes) / pageBytes)
    const memory =
      'memory' in options ? options.memory : new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
    const instance = new WebAssembly.Instance(kernelModule(), { env: { memory } })
    const kernels = instance.exports as KernelExports
    if (kernels.staticEnd() > staticBytesMax) {
      throw new Failure('defect', `Cannot load the kernels: they need ${kernels.staticEnd()} bytes of their own`)
    }
    kernels.setConstants()
    this.shared = { memory, regionBytes }
    this.buffer = memory.buffer
    this.bytes = new Uint8Array(this.buffer)
    this.start = staticBytesMax
    this.end = staticBytesMax + regionBytes
    this.trees = kernels
    this.#kernels = kernels
    this.#gearKeyAt = kernels.gearKeyAt()
    this.#macKeyAt = kernels.macKeyAt()
    this.#macPadAt = kernels.macPadAt()
    this.tagAt = kernels.macTagAt()
  }

  /** A view of [start, end) of the memory. */
  view(start: number, end: number): Uint8Array<SharedArrayBuffer> {
    return this.bytes.subarray(start, end)
  }

  /** Keys the chunker. `key` is 32 bytes that are used for nothing else; see gear-key.ts. */
  setGearKey(key: Uint8Array): void {
    this.bytes.set(expandGearKey(key), this.#gearKeyAt)
    this.#isGearKeySet = true
  }

  /**
   * Length of the first chunk of bytes[start, end). 0 asks for more bytes: that happens only where `atEnd` is
   * false and there are less than chunkBytesMax. The same bytes give the same cuts, wherever they lie.
   */
  cut(start: number, end: number, atEnd: boolean): number {
    if (!this.#isGearKeySet) throw new Failure('defect', 'Cannot cut chunks: no gear key was set')
    return this.#kernels.cut(start, end, atEnd ? 1 : 0)
  }

  /**
   * Sets Poly1305's r (16 bytes; the bits that must be clear are cleared here). Setting the same array again is
   * free: it is taken to hold the same bytes.
   */
  setMacKey(r: Uint8Array): void {
    if (r === this.#macKey) return
    this.#macKey = r
    this.bytes.set(r, this.#macKeyAt)
    this.#kernels.setMacKey()
  }

  /** Writes the Poly1305 tag of bytes[start, end) to bytes[tagAt, tagAt + 16). `s` is the 16 bytes added at the end. */
  mac(start: number, end: number, s: Uint8Array, tagAt: number): void {
    this.bytes.set(s, this.#macPadAt)
    this.#kernels.mac(start, end, tagAt)
  }
}

import { chunkBytesMax, KernelMemory } from '../../kernels/kernel-memory.ts'

/** What a lot holds: a largest chunk, and so much more that what is left of the last one is seldom moved. */
export const lotBytes = chunkBytesMax + 1024 * 1024

/**
 * Pieces of memory, shared with the workers, into which a stream is copied: there are so many and no more, so that a
 * source that is faster than the workers has to wait.
 */
export class LotPool {
  readonly memory: KernelMemory
  readonly #free: number[] = []
  readonly #wanting: PromiseWithResolvers<number>[] = []
  #failure: { readonly error: unknown } | undefined

  constructor(count: number, gearKey: Uint8Array) {
    this.memory = new KernelMemory({ regionBytes: count * lotBytes })
    this.memory.setGearKey(gearKey)
    for (let lot = count - 1; lot >= 0; lot--) this.#free.push(this.memory.start + lot * lotBytes)
  }

  /** Where a free lot begins, if there is one. */
  take(): number | undefined {
    if (this.#failure !== undefined) throw this.#failure.error
    return this.#free.pop()
  }

  /** The same, when there is one. Rejects with what fail() was told. */
  async wait(): Promise<number> {
    const lot = this.take()
    if (lot !== undefined) return lot
    const wanting = Promise.withResolvers<number>()
    this.#wanting.push(wanting)
    return await wanting.promise
  }

  release(lot: number): void {
    const wanting = this.#wanting.shift()
    if (wanting === undefined) this.#free.push(lot)
    else wanting.resolve(lot)
  }

  /** Nothing will be free any more. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    for (const wanting of this.#wanting.splice(0)) wanting.reject(error)
  }
}

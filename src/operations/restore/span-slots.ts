import { KernelMemory, type SharedKernelMemory } from '../../kernels/kernel-memory.ts'

/** One slot of a worker's memory: taken from before its bytes are read until the worker is done with them. */
export interface SpanSlot {
  readonly workerIndex: number
  /** Place in the worker's memory. */
  readonly at: number
  readonly bytes: Uint8Array
}

/** Places in the workers' memories into which the storage reads. As many as there are may be under way. */
export class SpanSlots {
  readonly memories: readonly SharedKernelMemory[]
  readonly slotBytes: number
  /** Slots in all. */
  readonly count: number
  readonly #free: SpanSlot[] = []
  readonly #waiting: ((slot: SpanSlot) => void)[] = []

  constructor(options: { readonly workers: number; readonly slotsPerWorker: number; readonly slotBytes: number }) {
    const { workers, slotsPerWorker, slotBytes } = options
    this.slotBytes = slotBytes
    this.count = workers * slotsPerWorker
    const memories = Array.from(
      { length: workers },
      () => new KernelMemory({ regionBytes: slotsPerWorker * slotBytes }),
    )
    this.memories = memories.map(({ shared }) => shared)
    for (let slot = 0; slot < slotsPerWorker; slot++) {
      for (const [workerIndex, memory] of memories.entries()) {
        const at = memory.start + slot * slotBytes
        this.#free.push({ workerIndex, at, bytes: memory.view(at, at + slotBytes) })
      }
    }
  }

  /** A free slot, as soon as there is one. Does something with it and gives it back. */
  async with<Result>(use: (slot: SpanSlot) => Promise<Result>): Promise<Result> {
    const slot = this.#free.shift() ?? (await new Promise<SpanSlot>((resolve) => this.#waiting.push(resolve)))
    try {
      return await use(slot)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free.push(slot)
      else next(slot)
    }
  }
}

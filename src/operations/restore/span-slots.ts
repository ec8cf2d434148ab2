import { KernelMemory, type SharedKernelMemory } from '../../kernels/kernel-memory.ts'

/** One slot of a worker's memory: taken from before its bytes are read until the worker is done with them. */
export interface SpanSlot {
  readonly workerIndex: number
  /** Place in the worker's memory. */
  readonly at: number
  readonly bytes: Uint8Array
}

/** Groups of files that are restored at the same time: while the last files of one are written, the packs of the next are read. */
export const fileGroups = 2

/** Places in the workers' memories into which the storage reads. As many as there are may be under way. */
export class SpanSlots {
  readonly memories: readonly SharedKernelMemory[]
  readonly slotBytes: number
  /** Slots in all. */
  readonly count: number
  readonly #free: SpanSlot[] = []
  readonly #waiting: { readonly group: number; readonly give: (slot: SpanSlot) => void }[] = []

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

  /**
   * A free slot, as soon as there is one. Does something with it and gives it back. Where many wait, each group of files
   * gets the same workers again, if it can: two that write into one file wait for each other.
   */
  async with<Result>(group: number, use: (slot: SpanSlot) => Promise<Result>): Promise<Result> {
    const slot =
      takeFirst(this.#free, (free) => isOf(free, group)) ??
      (await new Promise<SpanSlot>((give) => this.#waiting.push({ group, give })))
    try {
      return await use(slot)
    } finally {
      const next = takeFirst(this.#waiting, (waiting) => isOf(slot, waiting.group))
      if (next === undefined) this.#free.push(slot)
      else next.give(slot)
    }
  }
}

function isOf({ workerIndex }: SpanSlot, group: number): boolean {
  return workerIndex % fileGroups === group
}

/** Takes out the first one that is preferred, or else the first one of all. */
function takeFirst<Item>(items: Item[], isPreferred: (item: Item) => boolean): Item | undefined {
  return items.splice(Math.max(0, items.findIndex(isPreferred)), 1)[0]
}

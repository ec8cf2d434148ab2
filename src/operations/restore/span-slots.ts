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
  /** By group: how often it is being restored. */
  readonly #active = Array.from({ length: fileGroups }, () => 0)

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
   * Has a group of files be restored. While others are too, each has workers of its own, since two that write into one file
   * wait for each other; one that is alone has all.
   */
  async share<Result>(group: number, restore: () => Promise<Result>): Promise<Result> {
    this.#active[group]!++
    try {
      return await restore()
    } finally {
      this.#active[group]!--
      // What was another's alone may be anybody's now.
      for (const slot of this.#free.splice(0)) this.#give(slot)
    }
  }

  /** A free slot that the group may have, as soon as there is one. Does something with it and gives it back. */
  async with<Result>(group: number, use: (slot: SpanSlot) => Promise<Result>): Promise<Result> {
    const slot =
      takeFirst(this.#free, (free) => this.#mayHave(free, group)) ??
      (await new Promise<SpanSlot>((give) => this.#waiting.push({ group, give })))
    try {
      return await use(slot)
    } finally {
      this.#give(slot)
    }
  }

  #give(slot: SpanSlot): void {
    const next = takeFirst(this.#waiting, ({ group }) => this.#mayHave(slot, group))
    if (next === undefined) this.#free.push(slot)
    else next.give(slot)
  }

  #mayHave({ workerIndex }: SpanSlot, group: number): boolean {
    if (this.memories.length < fileGroups || workerIndex % fileGroups === group) return true
    return !this.#active.some((count, other) => count > 0 && other === workerIndex % fileGroups)
  }
}

function takeFirst<Item>(items: Item[], isFit: (item: Item) => boolean): Item | undefined {
  const at = items.findIndex(isFit)
  return at < 0 ? undefined : items.splice(at, 1)[0]
}

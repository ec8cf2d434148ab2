import { Failure } from '../../base/failure.ts'

const free = 0
const taken = 1
const abandoned = 2

/**
 * Places in a worker's memory where packs are built; each is free, or taken while it is filled and stored. This is
 * the worker's side. The states lie in memory shared with the main thread, so that a worker in the middle of a
 * job can wait for a free slot without an event loop: this is what holds workers back when the storage is slow.
 */
export class PackSlots {
  readonly states: Int32Array<SharedArrayBuffer>

  constructor(count: number) {
    this.states = new Int32Array(new SharedArrayBuffer(4 * (count + 1)))
  }

  /**
   * The number of a slot out of [first, end) that is the caller's until the main thread releases it. Failure `stopped`
   * once the main thread gave up.
   */
  take(first: number, end: number): number {
    const { states } = this
    const doorbell = states.length - 1
    for (;;) {
      const rings = Atomics.load(states, doorbell)
      for (let slot = first; slot < end; slot++) {
        const state = Atomics.compareExchange(states, slot, free, taken)
        if (state === free) return slot
        if (state === abandoned) throw new Failure('stopped', 'The work was stopped before its end')
      }
      Atomics.wait(states, doorbell, rings)
    }
  }
}

/** The main thread's side: gives a slot back. */
export function releaseSlot(states: Int32Array<SharedArrayBuffer>, slot: number): void {
  Atomics.store(states, slot, free)
  ring(states)
}

/** The main thread's side: nothing will be stored any more; a worker that waits for a slot stops. */
export function abandonSlots(states: Int32Array<SharedArrayBuffer>): void {
  for (let slot = 0; slot < states.length - 1; slot++) Atomics.store(states, slot, abandoned)
  ring(states)
}

function ring(states: Int32Array<SharedArrayBuffer>): void {
  Atomics.add(states, states.length - 1, 1)
  Atomics.notify(states, states.length - 1)
}

import { throwIfStopped } from './abort.ts'

/**
 * Does `work` for every item, in at most `lanesMax` lanes at the same time, taking the items in their order. `lane`
 * (from 0) tells which lane does it, for buffers that are used again. After the first failure no item is begun; those
 * that are under way end first, then the failure is thrown.
 */
export async function inLanes<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  lanesMax: number,
  signal: AbortSignal,
  work: (item: Item, lane: number) => Promise<void>,
): Promise<void> {
  const source = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
  let failed = false
  const runLane = async (lane: number): Promise<void> => {
    try {
      for (;;) {
        throwIfStopped(signal)
        if (failed) return
        const next = await source.next()
        if (next.done === true || failed) return
        await work(next.value, lane)
      }
    } catch (error) {
      failed = true
      throw error
    }
  }
  const outcomes = await Promise.allSettled(Array.from({ length: lanesMax }, (_, lane) => runLane(lane)))
  const rejected = outcomes.find((outcome) => outcome.status === 'rejected')
  if (rejected !== undefined) throw rejected.reason
}

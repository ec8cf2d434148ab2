import { throwIfStopped } from './abort.ts'

/**
 * Does `work` for every item, in at most `lanesMax` lanes at the same time, taking the items in their order. `lane`
 * (from 0) tells which lane does it, for buffers that are used again. The next item is asked for when a lane is free. After
 * the first failure, of the work or of the items, no item is begun; those that are under way end first, then it is thrown.
 */
export async function inLanes<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  lanesMax: number,
  signal: AbortSignal,
  work: (item: Item, lane: number) => Promise<void>,
): Promise<void> {
  const source = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
  let failure: { readonly error: unknown } | undefined
  const runLane = async (lane: number): Promise<void> => {
    try {
      for (;;) {
        throwIfStopped(signal)
        if (failure !== undefined) return
        const next = await source.next()
        if (next.done === true || failure !== undefined) return
        await work(next.value, lane)
      }
    } catch (error) {
      failure ??= { error } // The first one tells the cause.
    }
  }
  await Promise.all(Array.from({ length: lanesMax }, (_, lane) => runLane(lane)))
  if (failure === undefined) return
  await source.return?.()
  throw failure.error
}

/**
 * Runs `action` for each item, in their order, at most `most` of them at the same time. The next item is asked for when
 * there is room. After the first failure nothing new is begun; it is thrown when what runs has ended.
 */
export async function eachAtOnce<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  most: number,
  action: (item: Item) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>()
  let failure: { readonly error: unknown } | undefined
  try {
    for await (const item of items) {
      if (failure !== undefined) break // While the item was waited for.
      const task = action(item)
        .catch((error: unknown) => {
          failure ??= { error } // The first one tells the cause.
        })
        .finally(() => running.delete(task))
      running.add(task)
      if (running.size >= most) await Promise.race(running)
      if (failure !== undefined) break
    }
  } finally {
    await Promise.all(running)
  }
  if (failure !== undefined) throw failure.error
}

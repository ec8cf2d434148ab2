const chunkBytesLeast = 32 * 1024
const chunkBytesMost = 8 * 1024 * 1024
/** How many chunks a database begins with at most, and how many it may grow to before their size is chosen anew. */
const chunksAtFirst = 32_768
const chunksMax = 4 * chunksAtFirst

/**
 * The size of a database's chunks, bytes: a power of two, so a multiple of its page size. That of the backup before is kept
 * (docs/decisions/0006-sqlite-pages.md) as long as it gives no more chunks than a tree should name.
 */
export function chunkBytesOf(databaseBytes: number, pageSize: number, before: number | undefined): number {
  if (before !== undefined && before >= pageSize && databaseBytes / before <= chunksMax) return before
  let bytes = Math.max(chunkBytesLeast, pageSize)
  while (bytes < chunkBytesMost && databaseBytes / bytes > chunksAtFirst) bytes *= 2
  return bytes
}

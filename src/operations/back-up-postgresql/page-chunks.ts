/** How files of pages are cut: in groups, of which some are cut again (docs/decisions/0007-postgresql-pages.md). */
export interface PageChunks {
  /** Bytes of a group. */
  readonly bytes: number
  /** Bytes of a part of a group that does not compress well. */
  readonly pageBytes: number
}

const pagesPerGroup = 8
/** A cluster in more chunks than this would want too much memory of whoever loads its index: some 50 bytes for each. */
const chunksMax = 16 * 1024 * 1024
/** Of a group: that of a chunk in general is 8 MiB. */
const groupBytesMax = 1024 * 1024

/** Pages of the server's own size, or so many of them together that even the largest cluster has a bounded number. */
export function choosePageChunks(clusterBytes: number, blockBytes: number): PageChunks {
  let pageBytes = blockBytes
  while (clusterBytes / pageBytes > chunksMax && pageBytes * pagesPerGroup < groupBytesMax) pageBytes *= 2
  return { bytes: pageBytes * pagesPerGroup, pageBytes }
}

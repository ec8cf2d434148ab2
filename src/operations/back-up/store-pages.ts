import { hash } from 'node:crypto'
import type { Id } from '../../model/id.ts'
import type { ChunkStore } from './chunk-store.ts'

/**
 * A group of pages stays one chunk where it compresses so well that to store all of it again for one changed page costs
 * no more than so many times that page's bytes (docs/decisions/0007-postgresql-pages.md).
 */
const costOfChangedPageMax = 1.2
/** Where a page gets shorter than this part of itself, it is not asked of each of its neighbours whether they would. */
const compressingPart = 0.9

/**
 * Stores a group of pages: as one chunk where it compresses well, which is quick and makes few chunks; else page by page,
 * so that one changed page does not have its neighbours stored again. A group with the same bytes is always stored alike.
 */
export function storePages(
  group: Uint8Array,
  pageBytes: number,
  store: Pick<ChunkStore, 'store' | 'has' | 'compressedLength'>,
): Id[] {
  const id = hash('sha256', group)
  if (group.length <= pageBytes || store.has('data', id)) return [store.store('data', group, { id })]
  const pages = Array.from({ length: Math.ceil(group.length / pageBytes) }, (_, page) =>
    group.subarray(page * pageBytes, (page + 1) * pageBytes),
  )
  // One page speaks for its group; the first one of a file is often of another kind.
  const sample = pages[pages.length >> 1]!
  const sampleLength = store.compressedLength(sample)
  const isSmall = sampleLength * pages.length <= costOfChangedPageMax * sample.length
  if (isSmall) return [store.store('data', group, { id, compresses: true })]
  const compresses = sampleLength < compressingPart * sample.length
  return pages.map((page) => store.store('data', page, { compresses }))
}

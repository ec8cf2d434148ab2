import { Failure } from '../../base/failure.ts'
import type { BlobType } from '../../model/blob.ts'
import type { Id } from '../../model/id.ts'
import type { BlobSizes } from './tree-source.ts'

/** What one side of a comparison has and the other has not. */
export interface SideStatistics {
  readonly files: number
  readonly dirs: number
  readonly others: number
  readonly dataBlobs: number
  readonly treeBlobs: number
  /** Of those blobs, before compression. */
  readonly bytes: number
}

/** The blobs that were met on either side, and those of directories that both sides share. */
export type DiffBlobs = Readonly<Record<'before' | 'after' | 'common', Readonly<Record<BlobType, Set<Id>>>>>

export function newDiffBlobs(): DiffBlobs {
  return { before: noBlobs(), after: noBlobs(), common: noBlobs() }
}

function noBlobs(): Record<BlobType, Set<Id>> {
  return { data: new Set(), tree: new Set() }
}

/** Counts the blobs that only this side has. One that no index names is added to `gaps`. */
export function sideStatistics(
  side: 'before' | 'after',
  counts: Pick<SideStatistics, 'files' | 'dirs' | 'others'>,
  blobs: DiffBlobs,
  sizes: BlobSizes,
  gaps: Failure[],
): SideStatistics {
  const other = side === 'before' ? 'after' : 'before'
  const count = { data: 0, tree: 0 }
  let bytes = 0
  for (const type of ['data', 'tree'] as const) {
    for (const id of blobs[side][type]) {
      if (blobs[other][type].has(id) || blobs.common[type].has(id)) continue
      count[type]++
      const entry = sizes.find(id, type)
      if (entry >= 0) bytes += sizes.plaintextLength(entry)
      else gaps.push(new Failure('object_missing', `Cannot find ${type} blob "${id}": no index names it`))
    }
  }
  return { ...counts, dataBlobs: count.data, treeBlobs: count.tree, bytes }
}

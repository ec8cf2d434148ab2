import type { Id } from '../../model/id.ts'
import type { IndexedPack } from '../../repository/index-json.ts'
import { joinPack } from '../join-indexes.ts'
import type { IndexFile } from '../load-index-files.ts'

/** restic calls an index full from this number of blobs on, and starts the next one. */
export const indexBlobsFull = 50_000

/** More than this came from no sound writer: restic refuses to keep such an index as it is. */
const indexBlobsMax = indexBlobsFull + 400_000

export interface IndexRewrite {
  /** Index objects to remove once the new ones are stored. */
  readonly removeIndexes: readonly Id[]
  /** What the new indexes name in their place, besides newly written packs. */
  readonly packs: readonly IndexedPack[]
}

/**
 * What the index becomes when it no longer names `dropPacks`: index objects that are full and name none of them
 * stay; all others are replaced, so that small ones are joined on the way, and no pack is named twice.
 * Nothing changes where there is nothing to drop and nothing named twice, as a prune that was cut off leaves it.
 */
export function planIndexRewrite(indexes: readonly IndexFile[], dropPacks: ReadonlySet<Id>): IndexRewrite {
  if (dropPacks.size === 0 && !namesTwice(indexes)) return { removeIndexes: [], packs: [] }
  const named = new Set<Id>()
  const replaced: IndexFile[] = []
  for (const index of indexes) {
    const stays = isFull(index) && !index.packs.some((pack) => dropPacks.has(pack.id) || named.has(pack.id))
    if (stays) for (const pack of index.packs) named.add(pack.id)
    else replaced.push(index)
  }
  const packs = new Map<Id, IndexedPack>()
  for (const index of replaced)
    for (const pack of index.packs) if (!dropPacks.has(pack.id) && !named.has(pack.id)) joinPack(packs, pack)
  return { removeIndexes: replaced.map((index) => index.id), packs: [...packs.values()] }
}

function namesTwice(indexes: readonly IndexFile[]): boolean {
  const ids = indexes.flatMap(({ packs }) => packs.map(({ id }) => id))
  return new Set(ids).size < ids.length
}

function isFull(index: IndexFile): boolean {
  const blobs = index.packs.reduce((sum, pack) => sum + pack.blobs.length, 0)
  return blobs >= indexBlobsFull && blobs < indexBlobsMax
}

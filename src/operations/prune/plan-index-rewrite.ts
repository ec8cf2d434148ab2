import type { Id } from '../../model/id.ts'
import type { IndexedPack } from '../../repository/index-json.ts'

/** One object below "index/" with what it says. */
export interface IndexFile {
  readonly id: Id
  readonly packs: readonly IndexedPack[]
}

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
 * Nothing changes where there is nothing to drop.
 */
export function planIndexRewrite(indexes: readonly IndexFile[], dropPacks: ReadonlySet<Id>): IndexRewrite {
  if (dropPacks.size === 0) return { removeIndexes: [], packs: [] }
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

/** All packs of the indexes, each once, in the order of their ids. Where indexes differ about a pack, all entries count. */
export function joinIndexes(indexes: readonly IndexFile[]): IndexedPack[] {
  const packs = new Map<Id, IndexedPack>()
  for (const index of indexes) for (const pack of index.packs) joinPack(packs, pack)
  return [...packs.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
}

function joinPack(packs: Map<Id, IndexedPack>, pack: IndexedPack): void {
  const known = packs.get(pack.id)
  if (known === undefined) {
    packs.set(pack.id, pack)
    return
  }
  const places = new Set(known.blobs.map((blob) => blob.offset))
  const added = pack.blobs.filter((blob) => !places.has(blob.offset))
  if (added.length > 0) packs.set(pack.id, { id: pack.id, blobs: [...known.blobs, ...added] })
}

function isFull(index: IndexFile): boolean {
  const blobs = index.packs.reduce((sum, pack) => sum + pack.blobs.length, 0)
  return blobs >= indexBlobsFull && blobs < indexBlobsMax
}

import type { Id } from '../model/id.ts'
import type { IndexedPack } from '../repository/index-json.ts'
import type { IndexFile } from './load-index-files.ts'

/** All packs of the indexes, each once, in the order of their ids. Where indexes differ about a pack, all entries count. */
export function joinIndexes(indexes: readonly IndexFile[]): IndexedPack[] {
  const packs = new Map<Id, IndexedPack>()
  for (const index of indexes) for (const pack of index.packs) joinPack(packs, pack)
  return [...packs.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** Adds a pack; where it is there already, only its blobs at other offsets. */
export function joinPack(packs: Map<Id, IndexedPack>, pack: IndexedPack): void {
  const known = packs.get(pack.id)
  if (known === undefined) {
    packs.set(pack.id, pack)
    return
  }
  const places = new Set(known.blobs.map((blob) => blob.offset))
  const added = pack.blobs.filter((blob) => !places.has(blob.offset))
  if (added.length > 0) packs.set(pack.id, { id: pack.id, blobs: [...known.blobs, ...added] })
}

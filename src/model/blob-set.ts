import { blobTypes, type BlobType } from './blob.ts'
import type { Id } from './id.ts'

/** A set of blobs; a tree and a piece of data with the same id are two. */
export class BlobSet {
  readonly #ids: Readonly<Record<BlobType, Set<Id>>> = { data: new Set(), tree: new Set() }

  /** Says whether the blob was not in the set before. */
  add(type: BlobType, id: Id): boolean {
    const ids = this.#ids[type]
    const before = ids.size
    return ids.add(id).size > before
  }

  has(type: BlobType, id: Id): boolean {
    return this.#ids[type].has(id)
  }

  get size(): number {
    return this.#ids.data.size + this.#ids.tree.size
  }

  *[Symbol.iterator](): Generator<{ readonly type: BlobType; readonly id: Id }, void, undefined> {
    for (const type of blobTypes) for (const id of this.#ids[type]) yield { type, id }
  }
}

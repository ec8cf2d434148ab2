import type { Id } from '../../model/id.ts'
import type { Tree } from '../../model/node.ts'
import type { Repository } from '../../repository/repository.ts'
import { TreeReader } from '../tree-reader.ts'
import { type TreeVisitor, walkTrees } from '../walk-trees.ts'
import { type PacksToRehash, rehashPacks } from './rehash-packs.ts'

export interface RelianceOptions extends Omit<PacksToRehash, 'storage' | 'packs'> {
  readonly repository: Repository
  /** Packs that this backup has stored itself, so far. */
  readonly ownPacks: ReadonlySet<Id>
  readonly withdrawn: Set<Id>
}

/**
 * What a snapshot relies on: the packs that were in the repository before it was made and hold something that it needs. They
 * are read once each, and those that are not what their names say are withdrawn from the index.
 */
export class Reliance {
  readonly #options: RelianceOptions
  readonly #rehashed = new Set<Id>()
  /** Trees of which all that they need was found sound. */
  readonly #soundTrees = new Set<Id>()
  #bytes = 0

  constructor(options: RelianceOptions) {
    this.#options = options
  }

  /** Packs that were read, and their bytes. */
  get rehashed(): { readonly packs: number; readonly bytes: number } {
    return { packs: this.#rehashed.size, bytes: this.#bytes }
  }

  /**
   * Whether these trees, all below them, and these blobs of data lie in packs that are sound: this backup's own, or read
   * here. Where it answers false, what was lost is out of the index, and the source must be walked again to store it.
   */
  async isSound(needed: Needed, signal: AbortSignal): Promise<boolean> {
    const { repository, ownPacks, withdrawn } = this.#options
    // Ends: each turn but the last withdraws a pack at least, and only packs that were there before are looked at.
    for (;;) {
      const found = await this.#find(needed, signal)
      const unread = [...found.packs].filter((id) => !ownPacks.has(id) && !this.#rehashed.has(id))
      const { damaged, bytes } = await rehashPacks(
        { ...this.#options, storage: repository.storage, packs: unread },
        signal,
      )
      this.#bytes += bytes
      for (const id of unread) this.#rehashed.add(id)
      const lost = [...damaged, ...found.unreadable]
      for (const id of lost) withdrawn.add(id)
      repository.index.withdrawPacks(lost)
      if (found.isIncomplete) return false
      if (lost.length === 0) {
        for (const tree of found.trees) this.#soundTrees.add(tree)
        return true
      }
      // Other copies may stand in for what was lost: then the packs of these are to be read, and nothing else.
    }
  }

  /** The packs in which all of it is found first. Below trees that were found sound before there is nothing to look for. */
  async #find({ trees: roots, blobs }: Needed, signal: AbortSignal): Promise<FoundPacks> {
    const { index } = this.#options.repository
    const numbers = new Set<number>()
    const unreadable = new Set<Id>()
    const visited = new Set<Id>()
    let isIncomplete = false
    const need = (id: Id, type: 'data' | 'tree'): number => {
      const entry = index.find(id, type)
      if (entry < 0) isIncomplete = true
      else numbers.add(index.packNumber(entry))
      return entry
    }
    for (const id of blobs) need(id, 'data')
    const reader = new TreeReader(this.#options.repository)
    const source = {
      loadTree: async (id: Id, stopped: AbortSignal): Promise<Tree> =>
        this.#soundTrees.has(id) ? { nodes: [] } : await reader.tree(id, stopped),
    }
    const visitor: TreeVisitor = {
      onTree: (id, { nodes }) => {
        visited.add(id)
        need(id, 'tree')
        for (const { content } of nodes) for (const blob of content ?? []) need(blob, 'data')
      },
      onDamaged: (id) => {
        const entry = need(id, 'tree')
        if (entry >= 0) unreadable.add(index.packId(index.packNumber(entry)))
        isIncomplete = true
      },
    }
    await walkTrees(source, roots, visitor, signal)
    const packs = new Set([...numbers].map((number) => index.packId(number)))
    return { packs, trees: visited, unreadable, isIncomplete }
  }
}

interface Needed {
  readonly trees: readonly Id[]
  readonly blobs: readonly Id[]
}

interface FoundPacks {
  readonly packs: ReadonlySet<Id>
  /** Every tree that was visited. */
  readonly trees: ReadonlySet<Id>
  /** Packs of which a tree could not be read. */
  readonly unreadable: ReadonlySet<Id>
  /** Something is named by no index, or lies below a tree that could not be read. */
  readonly isIncomplete: boolean
}

import { throwIfStopped } from '../../base/abort.ts'
import type { ByteName } from '../../base/byte-name.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import type { Node, Tree } from '../../model/node.ts'
import type { TreeSource } from './tree-source.ts'

/** What a walk comes by, in restic's order: a directory, then all that is in it, then its end, then the next node. */
export type WalkEvent =
  | { readonly kind: 'node'; readonly path: ByteName; readonly node: Node; readonly treeId: Id }
  /** Everything below this directory has been told. The root itself has neither a node nor an end. */
  | { readonly kind: 'leave'; readonly path: ByteName }
  /** The tree of this directory can not be read, so nothing below it is told. */
  | { readonly kind: 'damaged'; readonly path: ByteName; readonly treeId: Id; readonly failure: Failure }

export interface WalkOptions {
  /** Path of the root, with which all paths begin; "/" where it is absent. */
  readonly rootPath?: ByteName
  /** Whether to walk into this directory; it may be asked long before the walk comes there. All where it is absent. */
  readonly enter?: (path: ByteName, node: Node) => boolean
}

/** Trees that may be on their way from the storage at a time, over all levels. */
const treesAheadMax = 16

/**
 * Walks a tree of a snapshot, loading trees ahead. `treeId` of an event is the tree that holds the node. Trees that
 * are damaged are told, not thrown; every other failure is thrown.
 */
export async function* walkTree(
  source: TreeSource,
  rootId: Id,
  options: WalkOptions,
  signal: AbortSignal,
): AsyncGenerator<WalkEvent, void, undefined> {
  const loads = new TreeLoads(source, signal)
  yield* walkBelow({ loads, enter: options.enter ?? (() => true), signal }, rootId, options.rootPath ?? '/')
}

/** "/" joins a directory's path and the name of something in it. */
export function joinPath(directory: ByteName, name: ByteName): ByteName {
  return directory === '/' ? `/${name}` : `${directory}/${name}`
}

interface Walk {
  readonly loads: TreeLoads
  readonly enter: (path: ByteName, node: Node) => boolean
  readonly signal: AbortSignal
}

async function* walkBelow(walk: Walk, treeId: Id, directory: ByteName): AsyncGenerator<WalkEvent, void, undefined> {
  throwIfStopped(walk.signal)
  const loaded = await walk.loads.take(treeId)
  if (loaded instanceof Failure) {
    yield { kind: 'damaged', path: directory, treeId, failure: loaded }
    return
  }
  const subtrees = loaded.nodes
    .filter((node) => node.type === 'dir' && walk.enter(joinPath(directory, node.name), node))
    .map((node) => ({ node, subtree: subtreeOf(node, treeId) }))
  let ahead = 0
  let next = 0
  for (const node of loaded.nodes) {
    const path = joinPath(directory, node.name)
    yield { kind: 'node', path, node, treeId }
    if (subtrees[next]?.node !== node) continue
    const { subtree } = subtrees[next]!
    next++
    for (ahead = Math.max(ahead, next - 1); ahead < subtrees.length; ahead++) {
      if (!walk.loads.begin(subtrees[ahead]!.subtree)) break
    }
    yield* walkBelow(walk, subtree, path)
    yield { kind: 'leave', path }
  }
}

function subtreeOf(node: Node, treeId: Id): Id {
  if (node.subtree !== undefined) return node.subtree
  throw new Failure('repository_damaged', `Cannot walk tree "${treeId}": its directory "${node.name}" names no tree`)
}

/** Trees on their way. A tree that is wanted twice at a time is loaded once. */
class TreeLoads {
  readonly #source: TreeSource
  readonly #signal: AbortSignal
  readonly #begun = new Map<Id, Promise<Tree | Failure>>()

  constructor(source: TreeSource, signal: AbortSignal) {
    this.#source = source
    this.#signal = signal
  }

  /** Begins to load a tree; false where too many are on their way. */
  begin(id: Id): boolean {
    if (this.#begun.has(id)) return true
    if (this.#begun.size >= treesAheadMax) return false
    const load = this.#load(id)
    load.catch(() => {}) // Its turn comes in take(); until then Node must not call it unhandled.
    this.#begun.set(id, load)
    return true
  }

  async take(id: Id): Promise<Tree | Failure> {
    const load = this.#begun.get(id) ?? this.#load(id)
    this.#begun.delete(id)
    return load
  }

  async #load(id: Id): Promise<Tree | Failure> {
    try {
      return await this.#source.loadTree(id, this.#signal)
    } catch (error) {
      if (isFailure(error, 'repository_damaged') || isFailure(error, 'object_missing')) return error
      throw error
    }
  }
}

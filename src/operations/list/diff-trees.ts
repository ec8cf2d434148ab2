import { throwIfStopped } from '../../base/abort.ts'
import { type ByteName, compareNames } from '../../base/byte-name.ts'
import { type Failure, isFailure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import type { Node } from '../../model/node.ts'
import { type DiffBlobs, newDiffBlobs, type SideStatistics, sideStatistics } from './diff-statistics.ts'
import { equalButContent, equalContent, equalNodes } from './equal-nodes.ts'
import type { BlobSizes, TreeSource } from './tree-source.ts'
import { joinPath } from './walk-tree.ts'

/** What `diff` is asked: two trees, of snapshots or of folders in them. */
export interface DiffRequest {
  readonly before: Id
  readonly after: Id
  /** Whether changes of metadata alone are told, too. */
  readonly metadata: boolean
}

/**
 * What happened to one path, in restic's letters: + added, - removed, T another type, M another content,
 * ? another content but the same metadata (bit rot?), U other metadata.
 */
export interface DiffChange {
  readonly path: ByteName
  readonly modifier: string
}

export interface DiffReport {
  readonly changedFiles: number
  readonly added: SideStatistics
  readonly removed: SideStatistics
  /** Trees that could not be read, and blobs that no index names: what is said of them is not complete. */
  readonly gaps: readonly Failure[]
}

/** Compares two trees, as restic does. Changes are told in the order of the paths while the comparison runs. */
export async function diffTrees(
  source: TreeSource,
  sizes: BlobSizes,
  request: DiffRequest,
  onChange: (change: DiffChange) => void,
  signal: AbortSignal,
): Promise<DiffReport> {
  const diff = new Diff(source, request.metadata, onChange, signal)
  diff.blobs.before.tree.add(request.before)
  diff.blobs.after.tree.add(request.after)
  await diff.compare('/', request.before, request.after)
  const { changedFiles, gaps } = diff
  const removed = sideStatistics('before', diff.removed, diff.blobs, sizes, gaps)
  const added = sideStatistics('after', diff.added, diff.blobs, sizes, gaps)
  return { changedFiles, added, removed, gaps }
}

type Side = 'before' | 'after'

class Diff {
  readonly blobs: DiffBlobs = newDiffBlobs()
  readonly added = { files: 0, dirs: 0, others: 0 }
  readonly removed = { files: 0, dirs: 0, others: 0 }
  readonly gaps: Failure[] = []
  changedFiles = 0
  readonly #source: TreeSource
  readonly #metadata: boolean
  readonly #onChange: (change: DiffChange) => void
  readonly #signal: AbortSignal

  constructor(source: TreeSource, metadata: boolean, onChange: (change: DiffChange) => void, signal: AbortSignal) {
    this.#source = source
    this.#metadata = metadata
    this.#onChange = onChange
    this.#signal = signal
  }

  async compare(directory: ByteName, before: Id, after: Id): Promise<void> {
    const [one, other] = await Promise.all([this.#nodes(before), this.#nodes(after)])
    if (one === undefined || other === undefined) return
    for (const [a, b] of pairsByName(one, other)) {
      throwIfStopped(this.#signal)
      if (a !== undefined) addBlobs(this.blobs.before, a)
      if (b !== undefined) addBlobs(this.blobs.after, b)
      if (a === undefined) await this.#only(directory, b!, 'after')
      else if (b === undefined) await this.#only(directory, a, 'before')
      else await this.#both(directory, a, b)
    }
  }

  async #both(directory: ByteName, a: Node, b: Node): Promise<void> {
    const path = joinPath(directory, b.name)
    let modifier = a.type === b.type ? '' : 'T'
    if (a.type === 'file' && b.type === 'file' && !equalContent(a, b)) {
      modifier += equalButContent(a, b) ? 'M?' : 'M'
      this.changedFiles++
    } else if (this.#metadata && !equalNodes(a, b)) modifier += 'U'
    if (modifier !== '') this.#onChange({ path: b.type === 'dir' ? `${path}/` : path, modifier })
    if (a.subtree === undefined || b.subtree === undefined || a.type !== 'dir' || b.type !== 'dir') return
    if (a.subtree === b.subtree) await this.#collect(a.subtree)
    else await this.compare(path, a.subtree, b.subtree)
  }

  /** A node that only one side has, and all that is in it. */
  async #only(directory: ByteName, node: Node, side: Side): Promise<void> {
    throwIfStopped(this.#signal)
    const path = joinPath(directory, node.name)
    const counts = side === 'before' ? this.removed : this.added
    if (node.type === 'file') counts.files++
    else if (node.type === 'dir') counts.dirs++
    else counts.others++
    this.#onChange({ path: node.type === 'dir' ? `${path}/` : path, modifier: side === 'before' ? '-' : '+' })
    if (node.type !== 'dir' || node.subtree === undefined) return
    for (const child of (await this.#nodes(node.subtree)) ?? []) {
      addBlobs(this.blobs[side], child)
      await this.#only(path, child, side)
    }
  }

  /** Blobs of a directory that is the same on both sides count for neither. */
  async #collect(treeId: Id): Promise<void> {
    throwIfStopped(this.#signal)
    for (const node of (await this.#nodes(treeId)) ?? []) {
      const known = node.subtree !== undefined && this.blobs.common.tree.has(node.subtree)
      addBlobs(this.blobs.common, node)
      if (node.type === 'dir' && node.subtree !== undefined && !known) await this.#collect(node.subtree)
    }
  }

  /** Undefined for a tree that can not be read, which is a gap of the report. */
  async #nodes(treeId: Id): Promise<readonly Node[] | undefined> {
    try {
      return (await this.#source.loadTree(treeId, this.#signal)).nodes
    } catch (error) {
      if (!isFailure(error, 'repository_damaged') && !isFailure(error, 'object_missing')) throw error
      this.gaps.push(error)
      return undefined
    }
  }
}

/** Nodes of two trees by name, in the order of the names' bytes. */
function* pairsByName(
  one: readonly Node[],
  other: readonly Node[],
): Generator<readonly [Node | undefined, Node | undefined]> {
  let at = 0
  for (const a of one) {
    for (; at < other.length && compareNames(other[at]!.name, a.name) < 0; at++) yield [undefined, other[at]]
    yield other[at]?.name === a.name ? [a, other[at++]] : [a, undefined]
  }
  for (; at < other.length; at++) yield [undefined, other[at]]
}

function addBlobs(blobs: DiffBlobs['before'], node: Node): void {
  if (node.type === 'dir' && node.subtree !== undefined) blobs.tree.add(node.subtree)
  if (node.type === 'file') for (const id of node.content ?? []) blobs.data.add(id)
}

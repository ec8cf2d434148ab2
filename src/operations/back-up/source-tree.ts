import { hash } from 'node:crypto'
import { Failure, isFailure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import type { Node, Tree } from '../../model/node.ts'
import { goUnquote } from '../../repository/go-quote.ts'
import type { Repository } from '../../repository/repository.ts'
import { decodeTree } from '../../repository/tree-json.ts'
import type { ByteName } from '../../base/byte-name.ts'
import { attachmentFolder, withoutAttachments } from '../attachments.ts'
import type { GapList } from './gap-list.ts'

/** The tree of the source's own entries, without attachments. */
export interface SourceTree {
  readonly id: Id
  readonly nodes: readonly Node[]
}

/** The plaintext of the tree blob of these nodes. */
export function encodeNodes(nodes: readonly string[]): Buffer {
  return Buffer.from(`{"nodes":[${nodes.join(',')}]}\n`, 'utf8')
}

export function treeOfNodes(nodes: readonly string[]): SourceTree {
  const bytes = encodeNodes(nodes)
  return { id: hash('sha256', bytes), nodes: decodeTree(bytes).nodes }
}

/** The entries of a snapshot's source; undefined where its tree can not be read. */
export async function sourceOf(
  repository: Pick<Repository, 'loadTree'>,
  snapshot: { readonly tree: Id },
  signal: AbortSignal,
): Promise<SourceTree | undefined> {
  let tree: Tree
  try {
    tree = await repository.loadTree(snapshot.tree, signal)
  } catch (error) {
    // Then nothing is known to be unchanged, and everything is made anew.
    if (!isFailure(error, 'repository_damaged') && !isFailure(error, 'object_missing')) throw error
    return undefined
  }
  const source = withoutAttachments(snapshot.tree, tree)
  return { id: source.id, nodes: source.tree.nodes }
}

/**
 * The nodes without one that lies where attachments do, such as what a restore of the whole snapshot left in the root
 * directory: a gap says that it is not backed up.
 */
export function withoutOwnName(nodes: readonly string[], gaps: GapList): readonly string[] {
  const kept = nodes.filter((node) => nameOf(node) !== attachmentFolder)
  if (kept.length < nodes.length) {
    const detail = 'its place in the snapshot is that of the manifest; remove it, or exclude it from the backup'
    gaps.add({ path: `/${attachmentFolder}`, reason: 'irregular', detail })
  }
  return kept
}

/** The name that the JSON of a node begins with. */
export function nameOf(node: string): ByteName {
  const start = '{"name":'.length
  const end = node.indexOf(',"type":"', start)
  if (end < 0) throw new Failure('defect', `Cannot read a node: it begins with ${node.slice(0, 40)}`)
  return goUnquote(JSON.parse(node.slice(start, end)) as string)
}

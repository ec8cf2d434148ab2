import { throwIfStopped } from '../../base/abort.ts'
import type { FilesManifest } from '../../model/manifest.ts'
import type { Node } from '../../model/node.ts'
import type { TreeSource } from '../list/tree-source.ts'
import { DirectoryDigest, EntryCounts, factsOfNode } from './directory-digest.ts'

/**
 * The manifest of files that lie in a snapshot: these nodes (see withoutAttachments()) and all below them. `trees` gives one tree
 * after the other; memory is bounded by the trees on the way to one directory.
 */
export async function filesManifestOfTree(
  nodes: readonly Node[],
  trees: TreeSource,
  signal: AbortSignal,
): Promise<FilesManifest> {
  const counts = new EntryCounts()
  const digestOf = async (siblings: readonly Node[]): Promise<string> => {
    throwIfStopped(signal)
    const digest = new DirectoryDigest()
    for (const node of siblings) {
      const facts = factsOfNode(node)
      counts.add(facts)
      const { subtree } = node
      const below = subtree === undefined ? undefined : await digestOf((await trees.loadTree(subtree, signal)).nodes)
      digest.add(node.name, facts, below)
    }
    return digest.end()
  }
  return counts.manifest(await digestOf(nodes))
}

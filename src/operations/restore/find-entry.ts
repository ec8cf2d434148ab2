import type { ByteName } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import type { Node } from '../../model/node.ts'
import type { TreeReader } from '../tree-reader.ts'

/** Where a walk begins: the nodes that go into the target, and the path that they lie under in the snapshot. */
export interface WalkStart {
  readonly path: ByteName
  readonly nodes: readonly Node[]
}

/**
 * What a path in a snapshot stands for in a restore: of a directory its content, of anything else the entry itself.
 * Failure `path_missing` where there is none.
 */
export async function findEntry(
  tree: Id,
  subpath: ByteName | undefined,
  trees: TreeReader,
  signal: AbortSignal,
): Promise<WalkStart> {
  const names = (subpath ?? '').split('/').filter((name) => name !== '' && name !== '.')
  let { nodes } = await trees.tree(tree, signal)
  let path = ''
  for (const [at, name] of names.entries()) {
    const node = nodes.find((candidate) => candidate.name === name)
    if (node === undefined || (node.subtree === undefined && at < names.length - 1)) {
      throw new Failure('path_missing', `Cannot restore "${subpath}": the snapshot has no "${path}/${name}"`)
    }
    if (node.subtree === undefined) return { path, nodes: [node] }
    path = `${path}/${name}`
    nodes = (await trees.tree(node.subtree, signal)).nodes
  }
  return { path, nodes }
}

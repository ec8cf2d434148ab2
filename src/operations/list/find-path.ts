import { type ByteName, printableName } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import type { Node } from '../../model/node.ts'
import { joinPath } from './walk-tree.ts'
import type { TreeSource } from './tree-source.ts'

/** What lies at a path of a snapshot: the root of a tree, or a node in one. */
export type FoundPath =
  | { readonly kind: 'root'; readonly path: '/'; readonly treeId: Id }
  | { readonly kind: 'node'; readonly path: ByteName; readonly node: Node }

/** Finds a path below a tree; "." and empty parts are left out. Failure `path_missing` where it leads nowhere. */
export async function findPath(
  source: TreeSource,
  rootId: Id,
  path: ByteName,
  signal: AbortSignal,
): Promise<FoundPath> {
  let found: FoundPath = { kind: 'root', path: '/', treeId: rootId }
  for (const name of splitPath(path)) {
    const treeId = treeOf(found)
    const { nodes } = await source.loadTree(treeId, signal)
    const node = nodes.find((candidate) => candidate.name === name)
    const whole = joinPath(found.path, name)
    if (node === undefined) {
      throw new Failure('path_missing', `Cannot find "${printableName(whole)}" in the snapshot`)
    }
    found = { kind: 'node', path: whole, node }
  }
  return found
}

/** The tree of a directory by its path, as in `<snapshot>:<subfolder>`. Failure `path_missing` also for what is none. */
export async function findTree(source: TreeSource, rootId: Id, path: ByteName, signal: AbortSignal): Promise<Id> {
  return treeOf(await findPath(source, rootId, path, signal))
}

/** Parts of a path, without empty ones and "."; ".." takes the part before it away. */
export function splitPath(path: ByteName): ByteName[] {
  const parts: ByteName[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts
}

/** The path as the walk writes it: from "/", without "." and "..", without a slash at its end. */
export function cleanPath(path: ByteName): ByteName {
  return `/${splitPath(path).join('/')}`
}

function treeOf(found: FoundPath): Id {
  if (found.kind === 'root') return found.treeId
  if (found.node.type === 'dir' && found.node.subtree !== undefined) return found.node.subtree
  const name = printableName(found.path)
  throw new Failure('path_missing', `Cannot go into "${name}": it is a ${found.node.type}, expected a directory`)
}

import type { ByteName } from '../../base/byte-name.ts'
import type { Id } from '../../model/id.ts'

/** A directory of a running backup, from when it is found until its tree is stored. */
export interface DirectoryState {
  /** Where it is read. */
  readonly path: ByteName
  /** Where its tree's id goes; undefined for a root. */
  readonly parent: { readonly state: DirectoryState; readonly at: number; readonly nodeBeginning: string } | undefined
  /** Nodes in the order of their names; undefined while pending, '' where there is none after all. */
  nodes: (string | undefined)[]
  /** Nodes that are pending. */
  pending: number
  /** How the tree compares with the parent snapshot's. */
  readonly parentTree: Id | undefined
  readonly isUnchanged: boolean
}

export function directoryState(
  path: ByteName,
  options: Pick<DirectoryState, 'parent' | 'parentTree' | 'isUnchanged'>,
): DirectoryState {
  return { path, ...options, nodes: [], pending: 0 }
}

/** A directory's node, once its subtree is known. */
export function directoryNode(nodeBeginning: string, subtree: Id): string {
  return `${nodeBeginning}"content":null,"subtree":"${subtree}"}`
}

/** A file's node, once its content is known. */
export function fileNode(nodeBeginning: string, ids: readonly Id[]): string {
  return ids.length === 0 ? `${nodeBeginning}"content":[]}` : `${nodeBeginning}"content":["${ids.join('","')}"]}`
}

export function joinPath(directory: ByteName, name: ByteName): ByteName {
  if (directory === '.') return name
  return directory.endsWith('/') ? `${directory}${name}` : `${directory}/${name}`
}

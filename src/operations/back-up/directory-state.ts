import type { ByteName } from '../../base/byte-name.ts'
import type { Id } from '../../model/id.ts'
import type { Selection } from './targets.ts'

/** A directory of a running backup, from when it is found until its tree is stored. */
export interface DirectoryState {
  /** Where it is read. */
  readonly path: ByteName
  /** What of it is backed up. */
  readonly selection: Selection
  /** The device that it must lie on; undefined where any will do. */
  readonly device: number | undefined
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

export function directoryState(facts: Omit<DirectoryState, 'nodes' | 'pending'>): DirectoryState {
  return { ...facts, nodes: [], pending: 0 }
}

/** A directory's node, once its subtree is known. */
export function directoryNode(nodeBeginning: string, subtree: Id): string {
  return `${nodeBeginning}"content":null,"subtree":"${subtree}"}`
}

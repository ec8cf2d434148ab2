import { printableName } from '../../base/byte-name.ts'
import type { Id } from '../../model/id.ts'
import type { Node, Tree } from '../../model/node.ts'
import type { BlobIndex } from '../../repository/blob-index.ts'
import { packObjectName } from '../../repository/object-kind.ts'
import type { Repository } from '../../repository/repository.ts'
import { walkTrees } from '../walk-trees.ts'
import type { Findings } from './check-report.ts'

export interface TreesChecked {
  readonly trees: number
  readonly unusedBlobs: number
  readonly unusedBytes: number
}

/** Reads every tree below the roots, and sees to it that everything that it names is in the index. */
export async function checkTrees(
  repository: Pick<Repository, 'loadTree' | 'index'>,
  roots: readonly Id[],
  findings: Findings,
  progress: (treesDone: number) => void,
  signal: AbortSignal,
): Promise<TreesChecked> {
  const { index } = repository
  const used = new Uint8Array(index.entriesEnd)
  let trees = 0
  const use = (entry: number): boolean => {
    if (entry < 0) return false
    used[entry] = 1
    return true
  }
  await walkTrees(
    repository,
    roots,
    {
      onTree: (id, tree) => {
        use(index.find(id, 'tree'))
        progress(++trees)
        checkTree(index, id, tree, use, findings)
      },
      onDamaged: (id, failure) => {
        const entry = index.find(id, 'tree')
        if (!use(entry)) findings.note('blob_missing', `tree ${id}`, failure.message)
        else findings.note('tree_damaged', packObjectName(index.packId(index.packNumber(entry))), failure.message)
      },
    },
    signal,
  )
  return { trees, ...countUnused(index, used) }
}

function checkTree(index: BlobIndex, id: Id, tree: Tree, use: (entry: number) => boolean, findings: Findings): void {
  const objectName = treeObjectName(index, id)
  const unsound = (node: Node, what: string): void =>
    findings.note('tree_unsound', objectName, `${node.type} "${printableName(node.name)}" in tree "${id}" ${what}`)
  for (const node of tree.nodes) {
    if (node.name === '') unsound(node, 'has no name')
    if (node.type === 'dir' && node.subtree === undefined) unsound(node, 'has no subtree')
    if (node.type === 'irregular') unsound(node, 'has a type that can not be restored')
    if (node.type !== 'file') continue
    if (node.content === null) unsound(node, 'has no list of blobs')
    for (const blob of node.content ?? []) {
      if (use(index.find(blob, 'data'))) continue
      const path = printableName(node.name)
      findings.note('blob_missing', `data ${blob}`, `file "${path}" in tree "${id}" needs it, and no index names it`)
    }
  }
}

/** The pack that a tree came from: what a person can look at, and heal. */
function treeObjectName(index: BlobIndex, id: Id): string {
  const entry = index.find(id, 'tree')
  return entry < 0 ? `tree ${id}` : packObjectName(index.packId(index.packNumber(entry)))
}

function countUnused(index: BlobIndex, used: Uint8Array): Pick<TreesChecked, 'unusedBlobs' | 'unusedBytes'> {
  let unusedBlobs = 0
  let unusedBytes = 0
  for (const entry of index.entries()) {
    if (used[entry] === 1) continue
    unusedBlobs++
    unusedBytes += index.length(entry)
  }
  return { unusedBlobs, unusedBytes }
}

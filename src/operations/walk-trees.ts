import { throwIfStopped } from '../base/abort.ts'
import type { Failure } from '../base/failure.ts'
import type { Id } from '../model/id.ts'
import type { Tree } from '../model/node.ts'
import type { Repository } from '../repository/repository.ts'
import { isDamage } from './load-index-files.ts'

export interface TreeVisitor {
  readonly onTree: (id: Id, tree: Tree) => void
  /** Takes note of a tree that can not be read, and the walk goes on without it; without this it is thrown. */
  readonly onDamaged?: (id: Id, failure: Failure) => void
}

/** Trees read at the same time. */
const lanesMax = 8

/** Visits every tree below the roots, each once however often it is named, in no order to rely on. */
export async function walkTrees(
  repository: Pick<Repository, 'loadTree'>,
  roots: Iterable<Id>,
  visitor: TreeVisitor,
  signal: AbortSignal,
): Promise<void> {
  const seen = new Set<Id>(roots)
  const waiting = [...seen]
  const visit = async (id: Id): Promise<void> => {
    const tree = await loadTree(repository, id, visitor, signal)
    if (tree === undefined) return
    visitor.onTree(id, tree)
    for (const { type, subtree } of tree.nodes) {
      if (type !== 'dir' || subtree === undefined || seen.has(subtree)) continue
      seen.add(subtree)
      waiting.push(subtree)
    }
  }
  const running = new Set<Promise<void>>()
  // Noted by hand: a race tells only of what ends while it is run, and two visits may end at the same moment.
  const failures: unknown[] = []
  while (waiting.length > 0 || running.size > 0) {
    while (waiting.length > 0 && running.size < lanesMax && failures.length === 0 && !signal.aborted) {
      const visiting: Promise<void> = visit(waiting.pop()!)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => running.delete(visiting))
      running.add(visiting)
    }
    if (running.size === 0) break
    await Promise.race(running)
  }
  if (failures.length > 0) throw failures[0]
  throwIfStopped(signal)
}

async function loadTree(
  repository: Pick<Repository, 'loadTree'>,
  id: Id,
  visitor: TreeVisitor,
  signal: AbortSignal,
): Promise<Tree | undefined> {
  try {
    return await repository.loadTree(id, signal)
  } catch (error) {
    if (visitor.onDamaged === undefined || !isDamage(error)) throw error
    visitor.onDamaged(id, error)
    return undefined
  }
}

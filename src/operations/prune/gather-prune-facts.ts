import { Failure } from '../../base/failure.ts'
import { BlobSet } from '../../model/blob-set.ts'
import type { Id } from '../../model/id.ts'
import type { Repository } from '../../repository/repository.ts'
import { isDamage, loadIndexFiles } from '../load-index-files.ts'
import type { ProgressSink } from '../progress.ts'
import { walkTrees } from '../walk-trees.ts'
import type { PruneFacts } from './plan-prune.ts'

/**
 * Finds out what a repository holds and what of it is used. Failure `repository_damaged` where a snapshot, an index or
 * a tree can not be read: what it names would be taken for unused. Loads the repository's index on the way.
 *
 * `ignoreSnapshots` are taken as removed already, for the dry run of a forget with prune.
 */
export async function gatherPruneFacts(
  repository: Repository,
  options: { readonly ignoreSnapshots?: ReadonlySet<Id> },
  context: { readonly progress: ProgressSink },
  signal: AbortSignal,
): Promise<PruneFacts> {
  const snapshots = await repository.listSnapshots(signal)
  const roots = snapshots.filter(({ id }) => options.ignoreSnapshots?.has(id) !== true).map(({ tree }) => tree)
  await repository.loadIndex(signal)
  const indexes = await loadIndexFiles(repository, {}, signal)
  const storedPacks = new Map<Id, number>()
  for await (const { id, size } of repository.list('data', signal)) storedPacks.set(id, size)
  const usedBlobs = await findUsedBlobs(repository, roots, context.progress, signal)
  return { version: repository.version, indexes, storedPacks, usedBlobs }
}

async function findUsedBlobs(
  repository: Pick<Repository, 'loadTree'>,
  roots: readonly Id[],
  progress: ProgressSink,
  signal: AbortSignal,
): Promise<BlobSet> {
  const used = new BlobSet()
  let trees = 0
  try {
    await walkTrees(
      repository,
      roots,
      {
        onTree: (id, { nodes }) => {
          used.add('tree', id)
          for (const { type, content } of nodes)
            if (type === 'file') for (const blob of content ?? []) used.add('data', blob)
          progress({ phase: 'find used data', filesDone: ++trees, bytesDone: 0, gaps: 0 })
        },
      },
      signal,
    )
  } catch (error) {
    if (!isDamage(error)) throw error
    throw new Failure(
      'repository_damaged',
      'Cannot prune the repository: a tree that a snapshot needs can not be read',
      {
        facts: { ...error.facts, hint: 'Run `check`, then `heal` from a mirror; or forget the snapshots that need it' },
        cause: error,
      },
    )
  }
  return used
}

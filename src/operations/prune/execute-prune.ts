import { inLanes } from '../../base/in-lanes.ts'
import type { Id } from '../../model/id.ts'
import type { IndexedPack } from '../../repository/index-json.ts'
import type { ObjectKind } from '../../repository/object-kind.ts'
import type { Repository } from '../../repository/repository.ts'
import type { ProgressSink } from '../progress.ts'
import { isEmptyPlan, type PrunePlan } from './plan-prune.ts'
import { readForRepacking, Repacker } from './repacker.ts'

export interface PruneReport {
  readonly writtenPacks: number
  readonly writtenIndexes: number
  readonly removedIndexes: number
  readonly removedPacks: number
}

export interface PruneContext {
  readonly progress: ProgressSink
  /** Size at which a new pack is full, bytes; 16 MiB where it is not given. */
  readonly packBytes?: number
}

const removalsAtOnce = 8
const defaultPackBytes = 16 * 1024 * 1024

/**
 * Executes a plan under the exclusive lock that the facts were gathered under. Failure `repository_damaged` where a
 * blob to be kept can not be verified; the repository is then as it was, but for new packs that nothing names.
 *
 * Crash order, each step repeatable by a new prune:
 * 1. Packs that no index names are removed: nothing can need them.
 * 2. Used blobs are copied into new packs. A crash leaves new packs that no index names.
 * 3. New indexes are written that name all that stays and the new packs. This is the commit point: from here on
 *    the old packs are not needed. A crash leaves some blobs named twice, at two sound places.
 * 4. The replaced indexes are removed. A crash leaves some of them, which name packs that are still there.
 * 5. The packs are removed that only replaced indexes named. A crash leaves packs that no index names.
 */
export async function executePrune(
  plan: PrunePlan,
  repository: Repository,
  context: PruneContext,
  signal: AbortSignal,
): Promise<PruneReport> {
  if (isEmptyPlan(plan)) return { writtenPacks: 0, writtenIndexes: 0, removedIndexes: 0, removedPacks: 0 }
  const remove = (kind: ObjectKind, ids: readonly Id[], phase: string): Promise<void> =>
    removeAll(repository, { kind, ids, phase }, context.progress, signal)

  await remove('data', plan.removeFirst, 'remove packs that no index names')
  const written = await repack(plan, repository, context, signal)
  const indexIds = await repository.saveIndex([...plan.rewrite.packs, ...written], signal)
  await remove('index', plan.rewrite.removeIndexes, 'remove old indexes')
  await remove('data', plan.removeLast, 'remove packs')
  // Who goes on with this repository must not find blobs in packs that are gone.
  await repository.loadIndex(signal)
  return {
    writtenPacks: written.length,
    writtenIndexes: indexIds.length,
    removedIndexes: plan.rewrite.removeIndexes.length,
    removedPacks: plan.removeFirst.length + plan.removeLast.length,
  }
}

/** One pack is read while the blobs of the one before are verified and packed. */
async function repack(
  plan: PrunePlan,
  repository: Repository,
  context: PruneContext,
  signal: AbortSignal,
): Promise<readonly IndexedPack[]> {
  if (plan.repack.length === 0) return []
  const { packBytes = defaultPackBytes } = context
  const repacker = new Repacker(repository, plan.repack, packBytes)
  const bytesTotal = plan.repack.reduce((sum, { storedBytes }) => sum + storedBytes, 0)
  let bytesDone = 0
  let next: Promise<Uint8Array> | undefined
  try {
    for (const [number, pack] of plan.repack.entries()) {
      const bytes = await (next ?? readForRepacking(repository, pack, signal))
      const following = plan.repack[number + 1]
      next = following === undefined ? undefined : readForRepacking(repository, following, signal)
      next?.catch(() => {}) // Its turn comes in the next round; until then Node must not call it unhandled.
      await repacker.take(pack, bytes, signal)
      bytesDone += pack.storedBytes
      const filesTotal = plan.repack.length
      context.progress({ phase: 'repack', filesDone: number + 1, filesTotal, bytesDone, bytesTotal, gaps: 0 })
    }
    return await repacker.end(signal)
  } finally {
    await next?.catch(() => {}) // After a failure nothing may go on in the background.
  }
}

async function removeAll(
  repository: Pick<Repository, 'remove'>,
  { kind, ids, phase }: { readonly kind: ObjectKind; readonly ids: readonly Id[]; readonly phase: string },
  progress: ProgressSink,
  signal: AbortSignal,
): Promise<void> {
  let filesDone = 0
  await inLanes(ids, removalsAtOnce, signal, async (id) => {
    await repository.remove(kind, id, signal)
    progress({ phase, filesDone: ++filesDone, filesTotal: ids.length, bytesDone: 0, gaps: 0 })
  })
}

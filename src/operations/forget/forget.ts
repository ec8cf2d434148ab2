import { inLanes } from '../../base/in-lanes.ts'
import type { Id } from '../../model/id.ts'
import type { Repository } from '../../repository/repository.ts'
import type { ProgressSink } from '../progress.ts'
import type { ForgetPlan } from './plan-forget.ts'

export interface ForgetReport {
  readonly removed: readonly Id[]
}

const lanesMax = 8

/**
 * Removes the snapshots of the plan. Each removal stands alone: stopped anywhere, the rest is still there, and the
 * same plan may be executed again. Data that only they needed stays until prune. The caller holds an exclusive lock.
 */
export async function executeForget(
  plan: Pick<ForgetPlan, 'remove'>,
  repository: Pick<Repository, 'remove'>,
  context: { readonly progress: ProgressSink },
  signal: AbortSignal,
): Promise<ForgetReport> {
  const removed: Id[] = []
  await inLanes(plan.remove, lanesMax, signal, async (id) => {
    await repository.remove('snapshots', id, signal)
    removed.push(id)
    const filesTotal = plan.remove.length
    context.progress({ phase: 'forget', filesDone: removed.length, filesTotal, bytesDone: 0, gaps: 0 })
  })
  return { removed }
}

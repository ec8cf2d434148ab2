import type { Id } from '../../model/id.ts'
import type { Repository } from '../../repository/repository.ts'
import { executePrune, type PruneContext, type PruneReport } from './execute-prune.ts'
import { gatherPruneFacts } from './gather-prune-facts.ts'
import { planPrune, type PrunePlan } from './plan-prune.ts'
import type { PruneOptions } from './prune-options.ts'

export interface PruneRequest {
  readonly repository: Repository
  readonly options: PruneOptions
  readonly dryRun?: boolean
  /** Taken as removed already: for the dry run of a forget with prune. */
  readonly ignoreSnapshots?: ReadonlySet<Id>
}

/** Gathers, plans and, unless it is a dry run, executes. The caller holds an exclusive lock all the time. */
export async function prune(
  request: PruneRequest,
  context: PruneContext,
  signal: AbortSignal,
): Promise<{ readonly plan: PrunePlan; readonly report: PruneReport | undefined }> {
  const { repository, options, ignoreSnapshots } = request
  const facts = await gatherPruneFacts(
    repository,
    ignoreSnapshots === undefined ? {} : { ignoreSnapshots },
    context,
    signal,
  )
  const plan = planPrune(facts, options)
  const report = request.dryRun === true ? undefined : await executePrune(plan, repository, context, signal)
  return { plan, report }
}

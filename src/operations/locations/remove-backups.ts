import type { Id } from '../../model/id.ts'
import { executeForget } from '../forget/forget.ts'
import type { ProgressSink } from '../progress.ts'
import type { PruneReport } from '../prune/execute-prune.ts'
import { prune } from '../prune/prune.ts'
import { pruneDefaults } from '../prune/prune-options.ts'
import type { Locations } from './locations.ts'

export interface RemoveBackupsRequest {
  readonly locations: Locations
  readonly generation: number
  /** Snapshots; those that are gone already are no fault. */
  readonly remove: readonly Id[]
}

/**
 * Removes backups from the primary location, and the data that only they needed where that is worth it.
 *
 * Crash order: snapshots one by one, then what prune() says. Stopped anywhere, the repository is valid; the next call,
 * with the same backups or others, goes on.
 */
export async function removeBackups(
  { locations, generation, remove }: RemoveBackupsRequest,
  context: { readonly progress: ProgressSink },
  signal: AbortSignal,
): Promise<PruneReport | undefined> {
  await using primary = await locations.lock({ location: 'primary', generation }, 'exclusive', signal)
  const { repository } = primary
  await executeForget({ remove: [...remove] }, repository, context, primary.signal)
  const { report } = await prune({ repository, options: pruneDefaults }, context, primary.signal)
  return report
}

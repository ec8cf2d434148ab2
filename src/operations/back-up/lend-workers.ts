import { type Lent, lendCrew, lendOnce } from '../../kernels/resting-threads.ts'
import type { BackupContext } from './backup-request.ts'
import { BackupWorkers } from './backup-workers.ts'

/** The workers of one backup: those that were started before, or those that rest, or new ones. `count` is for new ones alone. */
export function lendWorkers(
  { workers, threads }: Pick<BackupContext, 'workers' | 'threads'>,
  count: number | undefined,
): Lent<BackupWorkers> {
  if (workers !== undefined) return lendOnce(workers)
  return count === undefined ? lendCrew(threads, BackupWorkers) : lendOnce(new BackupWorkers(count))
}

import { neverStopped } from '../src/base/abort.ts'
import { systemClock } from '../src/base/clock.ts'
import type { Id } from '../src/model/id.ts'
import type { Repository } from '../src/repository/repository.ts'
import { restore, type RestoreReport, type RestoreRequest } from '../src/operations/restore/restore.ts'

/** What to restore, and where to; the rest is as the command line has it, but with one worker. */
export type RestoreRun = { readonly repository: Repository; readonly tree: Id; readonly target: string } & Omit<
  Partial<RestoreRequest>,
  'repository' | 'tree' | 'target'
>

export async function runRestore(run: RestoreRun, signal: AbortSignal = neverStopped()): Promise<RestoreReport> {
  const usual = { overwrite: 'always', sparse: true, dryRun: false, verify: false, workers: 1 } as const
  return await restore({ ...usual, ...run }, { clock: systemClock, progress: () => {} }, signal)
}

/** The problems as lines "path: code", for comparing. */
export function problemLines({ problems }: Pick<RestoreReport, 'problems'>): string[] {
  return problems.map(({ path, code }) => `${path}: ${code}`)
}

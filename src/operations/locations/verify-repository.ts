import type { RandomBytes } from '../../base/random.ts'
import { workersOfCores } from '../../base/worker-count.ts'
import { check } from '../check/check.ts'
import type { CheckReport } from '../check/check-report.ts'
import type { ReadChoice } from '../check/read-choice.ts'
import type { ProgressSink } from '../progress.ts'
import type { Locations, RepositoryChoice } from './locations.ts'

export interface VerifyRequest {
  readonly locations: Locations
  readonly choice: RepositoryChoice
  /** Which packs to read, open and hash; the structure is always verified. */
  readonly read: ReadChoice
}

/** Verifies one repository of a location. What is wrong is the report, not a failure. */
export async function verifyRepository(
  { locations, choice, read }: VerifyRequest,
  context: { readonly progress: ProgressSink; readonly random: RandomBytes },
  signal: AbortSignal,
): Promise<CheckReport> {
  await using opened = await locations.lock(choice, 'exclusive', signal)
  const request = { repository: opened.repository, read, workers: workersOfCores() }
  return await check(request, context, opened.signal)
}

import type { RandomBytes } from '../../base/random.ts'
import { workersOfCores } from '../../base/worker-count.ts'
import { check } from '../check/check.ts'
import type { Id } from '../../model/id.ts'
import { objectNameOf } from '../../repository/object-kind.ts'
import type { CheckReport, Finding } from '../check/check-report.ts'
import type { ReadChoice } from '../check/read-choice.ts'
import type { ProgressSink } from '../progress.ts'
import type { LockedRepository, Locations, RepositoryChoice } from './locations.ts'

export interface VerifyRequest {
  readonly locations: Locations
  readonly choice: RepositoryChoice
  /** Which packs to read, open and hash; the structure is always verified. */
  readonly read: ReadChoice
  /** The snapshots that are on record as stored here; asked for while the repository is locked. None where it is not given. */
  readonly expected?: () => Promise<readonly Id[]>
}

/** Verifies one repository of a location. What is wrong is the report, not a failure. */
export async function verifyRepository(
  { locations, choice, read, expected }: VerifyRequest,
  context: { readonly progress: ProgressSink; readonly random: RandomBytes },
  signal: AbortSignal,
): Promise<CheckReport> {
  await using opened = await locations.lock(choice, 'exclusive', signal)
  const request = { repository: opened.repository, read, workers: workersOfCores() }
  const report = await check(request, context, opened.signal)
  const stored = (await expected?.()) ?? []
  const vanished = await vanishedOf(opened, stored)
  return { ...report, faults: [...vanished, ...report.faults] }
}

/** A snapshot that somebody removed leaves a repository that is valid in itself. */
async function vanishedOf({ repository, signal }: LockedRepository, stored: readonly Id[]): Promise<Finding[]> {
  const there = new Set<Id>()
  for await (const { id } of repository.list('snapshots', signal)) there.add(id)
  return stored
    .filter((id) => !there.has(id))
    .map((id) => ({
      objectName: objectNameOf('snapshots', id),
      kind: 'object_absent' as const,
      detail: 'this backup was stored here and is gone',
    }))
}

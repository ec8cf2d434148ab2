import { Failure, isFailure } from '../base/failure.ts'
import { inLanes } from '../base/in-lanes.ts'
import type { Id } from '../model/id.ts'
import { decodeIndex, type IndexedPack } from '../repository/index-json.ts'
import { describeObject } from '../repository/object-kind.ts'
import type { Repository } from '../repository/repository.ts'

/** One object below "index/" with what it says. */
export interface IndexFile {
  readonly id: Id
  readonly packs: readonly IndexedPack[]
}

/** Indexes read at the same time. */
const lanesMax = 4

/**
 * Every index object as it stands, in the order of their ids; for those who must know which index says what. One
 * that is damaged or gone is told to `onDamaged` and left out; without that it is a Failure.
 */
export async function loadIndexFiles(
  repository: Pick<Repository, 'list' | 'loadUnpacked'>,
  options: { readonly onDamaged?: (id: Id, failure: Failure) => void },
  signal: AbortSignal,
): Promise<IndexFile[]> {
  const files: IndexFile[] = []
  await inLanes(repository.list('index', signal), lanesMax, signal, async ({ id }) => {
    try {
      const json = await repository.loadUnpacked('index', id, signal)
      files.push({ id, packs: decodeIndex(json, describeObject('index', id)).packs })
    } catch (error) {
      if (options.onDamaged === undefined || !isDamage(error)) throw error
      options.onDamaged(id, error)
    }
  })
  return files.sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** Whether a failure is about the one object that was read, and not about the storage or this program. */
export function isDamage(error: unknown): error is Failure {
  if (isFailure(error, 'repository_damaged') || isFailure(error, 'object_missing')) return true
  return error instanceof Failure && error.facts['systemCode'] === 'EIO'
}

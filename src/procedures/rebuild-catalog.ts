import { isFailure } from '../base/failure.ts'
import { planRebuild, type RebuildPlan, type RepositoryListing } from '../model/plan-rebuild.ts'
import type { LocationName } from '../model/policy/policy.ts'
import type { Installation, Watch } from './installation.ts'
import { type MissingRepository, missingRepositories } from './missing-repositories.ts'
import { describeTrouble } from './trouble.ts'

export interface Rebuilt extends RebuildPlan {
  /** Repositories that could not be read: what only they hold is not in the catalog, so it was left as it is. */
  readonly unread: readonly { readonly location: LocationName; readonly generation: number; readonly detail: string }[]
  readonly repositories: number
  readonly isReplaced: boolean
}

/**
 * Reads the backups and copies of the environment from its repositories and puts them in the place of what the catalog
 * says, at once. Where a repository can not be read, nothing is replaced unless `partly` says so: a location that is
 * away must not make its backups forgotten.
 */
export async function rebuildCatalog(
  installation: Installation,
  { partly }: { readonly partly: boolean },
  watch: Watch,
  signal: AbortSignal,
): Promise<Rebuilt> {
  const { locations, generations, policy, catalog, clock } = installation
  const listings: RepositoryListing[] = []
  const unread: Rebuilt['unread'][number][] = []
  for (const location of locations.names) {
    const missing = await missingAt(installation, location, signal)
    for (const generation of generations.open) {
      const choice = { location, generation }
      try {
        if (!(await locations.has(choice, signal))) {
          const copies = missing.find((one) => one.generation === generation)?.copies
          if (copies !== undefined)
            unread.push({ ...choice, detail: `it is not there, although ${copies} backups were stored in it` })
          continue
        }
        await using opened = await locations.lock(choice, 'shared', signal)
        const snapshots = await opened.repository.listSnapshots(opened.signal, {
          onDamaged: (id, failure) =>
            watch.notice(`snapshot ${id.slice(0, 8)} at the ${location} location: ${failure.message}`),
        })
        listings.push({ ...choice, snapshots })
      } catch (error) {
        if (signal.aborted || !isFailure(error)) throw error
        unread.push({ ...choice, detail: describeTrouble(error) })
      }
    }
  }
  const plan = planRebuild(policy.environment, listings)
  const isReplaced = unread.length === 0 || partly
  if (isReplaced) await catalog.replaceBackups(policy.environment, plan.backups, plan.copies, clock.now())
  return { ...plan, unread, repositories: listings.length, isReplaced }
}

async function missingAt(
  installation: Installation,
  location: LocationName,
  signal: AbortSignal,
): Promise<readonly MissingRepository[]> {
  try {
    return await missingRepositories(installation, location, signal)
  } catch (error) {
    if (signal.aborted || !isFailure(error)) throw error
    return [] // Each generation there is told as not read.
  }
}

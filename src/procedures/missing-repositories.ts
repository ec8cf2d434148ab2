import type { LocationName } from '../model/policy/policy.ts'
import type { Installation } from './installation.ts'

/** A repository that is not at a location although backups are on record as stored in it. */
export interface MissingRepository {
  readonly generation: number
  /** How many. */
  readonly copies: number
}

/**
 * The generations of the environment whose repository is not at a location although it should be. The mount point of
 * a disk that is not mounted is a folder like any other, and empty: what is on record tells it from a new location.
 * Failure `storage_unreachable` where nothing of the location can be reached.
 */
export async function missingRepositories(
  { locations, catalog, policy }: Pick<Installation, 'locations' | 'catalog' | 'policy'>,
  location: LocationName,
  signal: AbortSignal,
): Promise<readonly MissingRepository[]> {
  const copies = (await catalog.copies()).filter((copy) => copy.location === location)
  const there = new Set(copies.map(({ backup }) => backup))
  const stored = (await catalog.backups()).filter(
    ({ id, environment }) => environment === policy.environment && there.has(id),
  )
  const missing: MissingRepository[] = []
  for (const [generation, { length }] of Map.groupBy(stored, (backup) => backup.generation)) {
    if (!(await locations.has({ location, generation }, signal))) missing.push({ generation, copies: length })
  }
  return missing
}

/** How many backups should be in what is missing. */
export function missingCopies(missing: readonly MissingRepository[]): number {
  return missing.reduce((sum, { copies }) => sum + copies, 0)
}

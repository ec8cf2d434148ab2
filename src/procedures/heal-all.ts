import { isFailure } from '../base/failure.ts'
import { healGeneration } from '../operations/locations/heal-generation.ts'
import type { Installation, Watch } from './installation.ts'

/** What healing one generation came to. Plain JSON. */
export interface GenerationHealed {
  readonly generation: number
  readonly examinedObjects: number
  readonly examinedBytes: number
  /** Mended from the other location, or to be mended where it is a dry run. */
  readonly mended: readonly {
    readonly location: 'primary' | 'secondary'
    readonly objectName: string
    readonly found: string
  }[]
  readonly unhealed: readonly { readonly objectName: string; readonly detail: string }[]
}

/**
 * Mends every generation that either location holds from the other one. Safe to stop and to run again. Failure
 * `storage_unreachable` where a location is not there: then there is nothing to heal from.
 */
export async function healAll(
  { locations, generations }: Installation,
  { dryRun }: { readonly dryRun: boolean },
  watch: Watch,
  signal: AbortSignal,
): Promise<readonly GenerationHealed[]> {
  locations.placeOf('secondary') // Says so where the environment has none.
  const healed: GenerationHealed[] = []
  for (const generation of generations.open) {
    const isSomewhere = await hasEither({ locations, generation }, signal)
    if (!isSomewhere) continue
    const report = await healGeneration({ locations, generation, dryRun }, watch, signal)
    healed.push({
      generation,
      examinedObjects: report.examinedObjects,
      examinedBytes: report.examinedBytes,
      mended: (dryRun ? report.plan.mend : report.mended).map(({ objectName, side, found }) => ({
        location: side === 'here' ? 'primary' : 'secondary',
        objectName,
        found,
      })),
      unhealed: report.unhealed,
    })
  }
  return healed
}

async function hasEither(
  { locations, generation }: { readonly locations: Installation['locations']; readonly generation: number },
  signal: AbortSignal,
): Promise<boolean> {
  for (const location of locations.names) {
    try {
      if (await locations.has({ location, generation }, signal)) return true
    } catch (error) {
      if (!isFailure(error, 'repository_damaged')) throw error
      return true
    }
  }
  return false
}

import { isFailure } from '../base/failure.ts'
import type { LocationName } from '../model/policy/policy.ts'
import { healGeneration } from '../operations/locations/heal-generation.ts'
import { healGenerationWal } from './postgresql/heal-generation-wal.ts'
import { parseObjectName } from '../repository/object-kind.ts'
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
 * Mends every generation that either location holds from the other one, backups and WAL. Safe to stop and to run again. Failure
 * `storage_unreachable` where a location is not there: then there is nothing to heal from.
 */
export async function healAll(
  installation: Installation,
  { dryRun }: { readonly dryRun: boolean },
  watch: Watch,
  signal: AbortSignal,
): Promise<readonly GenerationHealed[]> {
  const { locations, generations } = installation
  locations.placeOf('secondary') // Says so where the environment has none.
  const healed: GenerationHealed[] = []
  for (const generation of generations.open) {
    const isSomewhere = await hasEither({ locations, generation }, signal)
    const report = isSomewhere ? await healGeneration({ locations, generation, dryRun }, watch, signal) : undefined
    const wal = await healGenerationWal(installation, { generation, dryRun }, signal)
    const reports = [report, wal].filter((one) => one !== undefined)
    if (reports.length === 0) continue
    const mended = reports
      .flatMap((one) => (dryRun ? one.plan.mend : one.mended))
      .map(({ objectName, side, found }) => ({
        location: side === 'here' ? ('primary' as const) : ('secondary' as const),
        objectName,
        found,
      }))
    if (!dryRun) await noteCopies(installation, mended)
    healed.push({
      generation,
      examinedObjects: reports.reduce((sum, one) => sum + one.examinedObjects, 0),
      examinedBytes: reports.reduce((sum, one) => sum + one.examinedBytes, 0),
      mended,
      unhealed: reports.flatMap(({ unhealed }) => unhealed),
    })
  }
  return healed
}

/** A backup that is back in a location is on record there again, so that retention, status and a restore know of it. */
async function noteCopies(
  { catalog, clock }: Pick<Installation, 'catalog' | 'clock'>,
  mended: readonly { readonly location: LocationName; readonly objectName: string }[],
): Promise<void> {
  const known = new Set((await catalog.backups()).map(({ id }) => id))
  const onRecord = new Set((await catalog.copies()).map(({ backup, location }) => `${backup} ${location}`))
  for (const { location, objectName } of mended) {
    const parsed = parseObjectName(objectName)
    if (parsed?.kind !== 'snapshots' || !known.has(parsed.id) || onRecord.has(`${parsed.id} ${location}`)) continue
    await catalog.addCopy({ backup: parsed.id, location, storedAt: clock.now() })
  }
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

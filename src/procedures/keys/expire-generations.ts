import { isFailure } from '../../base/failure.ts'
import { type GenerationRemains, planKeyDestruction } from '../../keys/plan-key-destruction.ts'
import type { LocationName } from '../../model/policy/policy.ts'
import { removeRepository } from '../../operations/locations/remove-repository.ts'
import type { Installation, Watch } from '../installation.ts'
import { countSegments, endWal } from '../postgresql/end-wal.ts'
import { describeTrouble } from '../trouble.ts'

/**
 * Ends generations of which nothing is left: removes what their repositories still hold, at every location, and only
 * then destroys the key. Answers troubles, a sentence each.
 *
 * Crash order: repositories first, then what is left of their WAL, the key last. A crash in between leaves a key that opens nothing any more, and the
 * next call destroys it; never backups without a key.
 */
export async function expireGenerations(
  installation: Installation,
  watch: Watch,
  signal: AbortSignal,
): Promise<string[]> {
  const { locations, generations } = installation
  const retired = generations.all.filter(({ state }) => state === 'retired')
  if (retired.length === 0) return []
  const remains: GenerationRemains[] = []
  for (const { generation } of retired) {
    for (const location of locations.names) remains.push(await remainsOf(installation, location, generation, signal))
  }
  const troubles: string[] = []
  for (const plan of planKeyDestruction(generations.all, { locations: locations.names, remains })) {
    if (plan.action === 'keep') continue
    try {
      for (const location of locations.names) {
        const choice = { location, generation: plan.generation }
        if (await locations.has(choice, signal)) await removeRepository({ locations, choice }, signal)
        await endWal(installation, choice, watch, signal)
      }
      await generations.destroy(plan.generation, signal)
      watch.notice(`the key of generation ${plan.generation} was destroyed: ${plan.reason}`)
    } catch (error) {
      if (signal.aborted || !isFailure(error)) throw error
      troubles.push(`generation ${plan.generation} could not be ended: ${describeTrouble(error)}`)
    }
  }
  return troubles
}

/** Backups of a generation that the catalog says are there: an empty folder in the place of a location proves nothing. */
async function recorded({ catalog }: Installation, location: LocationName, generation: number): Promise<number> {
  const there = new Set(
    (await catalog.copies()).filter((copy) => copy.location === location).map(({ backup }) => backup),
  )
  return (await catalog.backups()).filter((backup) => backup.generation === generation && there.has(backup.id)).length
}

/** A repository that is not there holds nothing only where this is on record: an empty folder may be one that nothing is mounted on. */
async function remainsOf(
  installation: Installation,
  location: LocationName,
  generation: number,
  signal: AbortSignal,
): Promise<GenerationRemains> {
  const { locations, policy } = installation
  const name = { environment: policy.environment, generation, location }
  try {
    const walSegments = await countSegments(installation, { location, generation }, signal)
    const onRecord = await recorded(installation, location, generation)
    if (!(await locations.has({ location, generation }, signal))) {
      const reason = await doubtOf(installation, location, generation)
      if (reason !== undefined) return { ...name, state: 'unknown', reason }
      return { ...name, state: 'counted', backups: onRecord, walSegments }
    }
    await using storage = await locations.opened({ location, generation }, signal)
    // Any snapshot counts, also one that the catalog does not know.
    const snapshots = await Array.fromAsync(storage.inside.list('snapshots/', signal))
    return { ...name, state: 'counted', backups: Math.max(onRecord, snapshots.length), walSegments }
  } catch (error) {
    if (signal.aborted || !isFailure(error)) throw error
    return { ...name, state: 'unknown', reason: error.message }
  }
}

/** Why the absence of a repository does not prove that nothing of the generation is left; undefined where it does. */
async function doubtOf(
  { catalog, policy }: Installation,
  location: LocationName,
  generation: number,
): Promise<string | undefined> {
  const backups = (await catalog.backups({ includeRemoved: true })).filter(
    (one) => one.environment === policy.environment && one.generation === generation,
  )
  if (backups.length === 0) return 'its repository is not there, and no removal of a backup of it is on record'
  const copies = (await catalog.copies()).filter((copy) => copy.location === location)
  const there = new Set(copies.map(({ backup }) => backup))
  const stored = backups.filter(({ id }) => there.has(id)).length
  return stored === 0 ? undefined : `its repository is not there, although ${stored} backups were stored in it`
}

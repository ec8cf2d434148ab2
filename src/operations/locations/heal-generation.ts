import { isFailure } from '../../base/failure.ts'
import type { LocationName } from '../../model/policy/policy.ts'
import { Repository } from '../../repository/repository.ts'
import type { Storage } from '../../storage/storage.ts'
import { configProof } from '../heal/config-proof.ts'
import { heal, type HealReport } from '../heal/heal.ts'
import type { ProgressSink } from '../progress.ts'
import type { Locations } from './locations.ts'

export interface HealGenerationRequest {
  readonly locations: Locations
  readonly generation: number
  readonly dryRun: boolean
}

/**
 * Mends what is damaged or lost of a generation in either location from the other one, both locked meanwhile. What
 * is damaged in both is told. Safe to stop and to run again: each object is replaced whole.
 */
export async function healGeneration(
  { locations, generation, dryRun }: HealGenerationRequest,
  context: { readonly progress: ProgressSink },
  signal: AbortSignal,
): Promise<HealReport> {
  await using opened = new AsyncDisposableStack()
  const open = async (location: LocationName): Promise<Storage> => {
    await locations.requireReachable(location, signal)
    // A repository that was lost as a whole is made anew here, and filled from the other side.
    const storage = await locations.storage({ location, generation }, dryRun ? 'existing' : 'create', signal)
    opened.defer(() => storage.close())
    return storage
  }
  const primary = await open('primary')
  const secondary = await open('secondary')
  const repository = await openIntact(locations, generation, [primary, secondary], signal)
  const { config, key, keyId, random } = repository
  const signals = [signal]
  for (const storage of [primary, secondary]) {
    const copy = new Repository({ storage, config, key, keyId, random })
    signals.push(opened.use(await locations.lockOpened(copy, 'exclusive', signal)).signal)
  }
  return await heal(
    { storage: primary, mirror: secondary, absent: 'restore', sides: 'both', dryRun, proveConfig: configProof(key) },
    context,
    AbortSignal.any(signals),
  )
}

/** The repository by the first copy of its config that opens. */
async function openIntact(
  locations: Locations,
  generation: number,
  copies: readonly Storage[],
  signal: AbortSignal,
): Promise<Repository> {
  let failure: unknown
  for (const storage of copies) {
    try {
      return await locations.openStorage(storage, generation, signal)
    } catch (error) {
      if (!isFailure(error, 'repository_damaged') && !isFailure(error, 'repository_missing')) throw error
      failure ??= error
    }
  }
  throw failure
}

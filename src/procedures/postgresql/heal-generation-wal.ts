import type { LocationName } from '../../model/policy/policy.ts'
import { healWal, type WalHealed } from '../../operations/wal/heal-wal.ts'
import type { Storage } from '../../storage/storage.ts'
import type { Installation } from '../installation.ts'

/**
 * Mends the WAL of a generation at either location from the other one; undefined where neither has any. Objects are named
 * below the generation. Failures as of walStorage() and healWal().
 */
export async function healGenerationWal(
  { locations }: Pick<Installation, 'locations'>,
  { generation, dryRun }: { readonly generation: number; readonly dryRun: boolean },
  signal: AbortSignal,
): Promise<WalHealed | undefined> {
  await using held = new AsyncDisposableStack()
  const open = async (location: LocationName, how: 'existing' | 'create'): Promise<Storage | undefined> => {
    const storage = await locations.walStorage({ location, generation }, how, signal)
    if (storage !== undefined) held.defer(() => storage.close())
    return storage
  }
  let here = await open('primary', 'existing')
  let there = await open('secondary', 'existing')
  if (here === undefined && there === undefined) return undefined
  if (!dryRun) {
    here ??= await open('primary', 'create')
    there ??= await open('secondary', 'create')
  }
  const { plan, mended, unhealed, ...counts } = await healWal({ here, there, dryRun }, signal)
  return {
    ...counts,
    plan: { mend: named(plan.mend), lost: named(plan.lost) },
    mended: named(mended),
    unhealed: named(unhealed),
  }
}

function named<One extends { readonly objectName: string }>(some: readonly One[]): One[] {
  return some.map((one) => ({ ...one, objectName: `wal/${one.objectName}` }))
}

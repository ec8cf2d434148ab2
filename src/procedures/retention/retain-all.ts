import { isFailure } from '../../base/failure.ts'
import type { Backup } from '../../model/backup.ts'
import type { RetentionPlan } from '../../model/retention.ts'
import { removeBackups } from '../../operations/locations/remove-backups.ts'
import { expireGenerations } from '../keys/expire-generations.ts'
import type { Installation, Watch } from '../installation.ts'
import { retainWal } from '../postgresql/retain-wal.ts'
import { replicateAll } from '../replicate-all.ts'
import { describeTrouble } from '../trouble.ts'
import { planAll } from './plan-all.ts'

/** What retention came to. Plain JSON. */
export interface Retained {
  /** Backups that are in no location any more. */
  readonly removed: readonly string[]
  /** Sentences: why nothing was removed of a source, what could not be removed yet. */
  readonly troubles: readonly string[]
  /** Why backups stay that would go otherwise; that is as it should be. */
  readonly held: readonly string[]
}

/**
 * Applies retention to sources that have just been backed up: removes at the primary location what the plan says, then at the secondary what went
 * there. What a location that is away still holds goes with the next retention.
 *
 * Crash order: the plan is made anew each time from what the catalog says is somewhere. Snapshots go first at the
 * primary, each with its copy on record, then at the secondary; the backup's own record is the last to change. So a
 * crash anywhere leaves backups that the next plan removes again, and no record of one that is not there.
 */
export async function retainAll(
  installation: Installation,
  backedUp: readonly string[],
  watch: Watch,
  signal: AbortSignal,
): Promise<Retained> {
  const plans = await planAll(installation, backedUp, new Set(backedUp), signal)
  return await executeRetention(installation, plans, watch, signal)
}

/** Does what the plans say and decides nothing. */
export async function executeRetention(
  installation: Installation,
  plans: readonly RetentionPlan[],
  watch: Watch,
  signal: AbortSignal,
): Promise<Retained> {
  const { catalog, clock } = installation
  const held = plans.flatMap((plan) => (plan.held === undefined ? [] : [plan.held]))
  const going = plans.flatMap(({ decisions }) =>
    decisions.filter(({ decision }) => decision === 'remove').map(({ backup }) => backup),
  )
  if (going.length === 0) return { removed: [], troubles: await endOfRetention(installation, watch, signal), held }
  const troubles = await removeAtPrimary(installation, going, watch, signal)
  const removed = new Set(going.map(({ id }) => id))
  const followed = await replicateAll(installation, { fillEmpty: false, removed }, watch, signal)
  troubles.push(...followed.flatMap((one) => one.troubles))
  const left = new Set((await catalog.copies()).map(({ backup }) => backup))
  const gone = going.filter(({ id }) => !left.has(id))
  for (const { id } of gone) await catalog.removeBackup(id, clock.now())
  troubles.push(...(await endOfRetention(installation, watch, signal)))
  return { removed: gone.map(({ id }) => id), troubles, held }
}

/** What only removed backups needed: WAL first, since a generation ends with its last WAL. */
async function endOfRetention(installation: Installation, watch: Watch, signal: AbortSignal): Promise<string[]> {
  const troubles = await retainWal(installation, watch, signal)
  return [...troubles, ...(await expireGenerations(installation, watch, signal))]
}

async function removeAtPrimary(
  { catalog, locations, clock }: Installation,
  going: readonly Backup[],
  watch: Watch,
  signal: AbortSignal,
): Promise<string[]> {
  const troubles: string[] = []
  const copies = (await catalog.copies()).filter(({ location }) => location === 'primary')
  const atPrimary = new Set(copies.map(({ backup }) => backup))
  const byGeneration = Map.groupBy(going, ({ generation }) => generation)
  for (const [generation, backups] of byGeneration) {
    const remove = backups.filter(({ id }) => atPrimary.has(id)).map(({ id }) => id)
    if (remove.length === 0) continue
    try {
      await removeBackups({ locations, generation, remove }, watch, signal)
      for (const id of remove) await catalog.removeCopy(id, 'primary', clock.now())
    } catch (error) {
      if (signal.aborted || !isFailure(error)) throw error
      troubles.push(`retention of generation ${generation}: ${describeTrouble(error)}`)
    }
  }
  return troubles
}

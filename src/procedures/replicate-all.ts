import { isFailure } from '../base/failure.ts'
import { replicate, type ReplicateReport } from '../operations/locations/replicate.ts'
import type { Id } from '../model/id.ts'
import type { Installation, Watch } from './installation.ts'
import { missingRepositories } from './missing-repositories.ts'
import { replicateWal } from './postgresql/replicate-wal.ts'
import { describeTrouble } from './trouble.ts'

/** What copying one generation off-site came to. Plain JSON. */
export interface GenerationReplicated {
  readonly generation: number
  readonly copiedObjects: number
  readonly copiedBytes: number
  readonly verifiedObjects: number
  readonly removedObjects: number
  /** Sentences; none where the secondary holds all that the primary does. */
  readonly troubles: readonly string[]
}

export interface ReplicateAllOptions {
  /** Fill a secondary that is empty although copies should be there: it was replaced. */
  readonly fillEmpty: boolean
  /** Snapshots that retention has decided to remove. */
  readonly removed: ReadonlySet<Id>
}

/**
 * Copies every generation to the secondary location and notes in the catalog what is there. Nothing where the
 * environment has no secondary. A location that can not be reached is a trouble of the answer: the next call catches
 * up. May be run twice.
 */
export async function replicateAll(
  installation: Installation,
  options: ReplicateAllOptions,
  watch: Watch,
  signal: AbortSignal,
): Promise<readonly GenerationReplicated[]> {
  const { locations, generations } = installation
  if (!locations.names.includes('secondary')) return []
  const done: GenerationReplicated[] = []
  for (const generation of generations.open) {
    try {
      const wal = await replicateWal(installation, generation, signal)
      if (!(await locations.has({ location: 'primary', generation }, signal))) {
        if (wal.copiedObjects + wal.troubles.length > 0) done.push({ ...nothing, generation, ...wal })
        continue
      }
      const one = await replicateOne(installation, generation, options, watch, signal)
      done.push({
        ...one,
        copiedObjects: one.copiedObjects + wal.copiedObjects,
        copiedBytes: one.copiedBytes + wal.copiedBytes,
        troubles: [...one.troubles, ...wal.troubles],
      })
    } catch (error) {
      if (signal.aborted || !isFailure(error)) throw error
      done.push({ ...nothing, generation, troubles: [describeTrouble(error)] })
    }
  }
  return done
}

const nothing = { copiedObjects: 0, copiedBytes: 0, verifiedObjects: 0, removedObjects: 0 }

async function replicateOne(
  installation: Installation,
  generation: number,
  { fillEmpty, removed }: ReplicateAllOptions,
  watch: Watch,
  signal: AbortSignal,
): Promise<GenerationReplicated> {
  const { locations, catalog, policy } = installation
  const known = (await catalog.backups()).filter(
    (backup) => backup.environment === policy.environment && backup.generation === generation,
  )
  const allCopies = await catalog.copies()
  const copies = new Set(allCopies.filter(isSecondary).map(({ backup }) => backup))
  const atPrimary = new Set(allCopies.filter((copy) => !isSecondary(copy)).map(({ backup }) => backup))
  const copied = known.filter(({ id }) => copies.has(id))
  const missing = fillEmpty ? [] : await missingRepositories(installation, 'secondary', signal)
  const report = await replicate(
    {
      locations,
      generation,
      removed: new Set(copied.filter(({ id }) => removed.has(id)).map(({ id }) => id)),
      onlyHere: new Set(known.filter(({ id }) => !atPrimary.has(id)).map(({ id }) => id)),
      whenEmpty: missing.length > 0 ? 'refuse' : 'fill',
    },
    watch,
    signal,
  )
  const there = new Set(report.snapshots)
  for (const { id } of known) {
    if (there.has(id) && !copies.has(id)) {
      await catalog.addCopy({ backup: id, location: 'secondary', storedAt: installation.clock.now() })
    }
    if (!there.has(id) && copies.has(id)) await catalog.removeCopy(id, 'secondary', installation.clock.now())
  }
  const { copiedObjects, copiedBytes, verifiedObjects, removedObjects } = report
  return { generation, copiedObjects, copiedBytes, verifiedObjects, removedObjects, troubles: troublesOf(report) }
}

function isSecondary({ location }: { readonly location: string }): boolean {
  return location === 'secondary'
}

function troublesOf({ faults, lostAtPrimary }: ReplicateReport): string[] {
  const troubles = faults.map(
    ({ side, objectName, state }) =>
      `"${objectName}" is ${state} at the ${side === 'source' ? 'primary' : 'secondary'} location: run \`heal\``,
  )
  if (lostAtPrimary.length > 0) {
    const names = lostAtPrimary.map((id) => id.slice(0, 8)).join(', ')
    troubles.push(`the primary location has lost ${names}, which the secondary still has: run \`heal\``)
  }
  return troubles
}

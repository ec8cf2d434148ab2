import { Failure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import { objectNameOf, packObjectName, parseObjectName } from '../../repository/object-kind.ts'
import { Repository } from '../../repository/repository.ts'
import { whileLocked } from '../../repository/while-locked.ts'
import type { Storage, StoredObject } from '../../storage/storage.ts'
import { loadIndexFiles } from '../load-index-files.ts'
import { mirror, type MirrorFault } from '../mirror/mirror.ts'
import { verifyNames } from '../mirror/verify-names.ts'
import type { ProgressSink } from '../progress.ts'
import type { Locations } from './locations.ts'

export interface ReplicateRequest {
  readonly locations: Locations
  readonly generation: number
  /** The snapshots that retention has removed: they go, and with the last of them what only they needed. Nothing else ever does. */
  readonly removed: ReadonlySet<Id>
  /** Snapshots that are on record as no longer at the primary: they may be here alone, and that is no loss. */
  readonly onlyHere: ReadonlySet<Id>
  /** What an empty secondary means: a new one to `fill`, or one that is not there although copies should be. */
  readonly whenEmpty: 'fill' | 'refuse'
}

export interface ReplicateReport {
  readonly copiedObjects: number
  readonly copiedBytes: number
  /** Objects that were read back at the secondary after they were copied, and are what their names say. */
  readonly verifiedObjects: number
  readonly removedObjects: number
  /** The snapshots that the secondary holds now. */
  readonly snapshots: readonly Id[]
  /** Snapshots that only the secondary holds although nothing says that they left the primary: the primary has lost them. */
  readonly lostAtPrimary: readonly Id[]
  readonly faults: readonly MirrorFault[]
}

/**
 * Makes the secondary location hold what the primary holds of a generation, and reads back what it copied. What
 * retention removed goes here too, by name. The data that it needed goes only where no other snapshot is here alone:
 * one that vanished from the primary, or that retention has removed there and keeps now since it was proven from here.
 *
 * Crash order: that of mirror(); wherever it is stopped both are valid, and the next call goes on.
 * Failures: `storage_unreachable` where either location is not there, or the secondary is empty and should not be.
 */
export async function replicate(
  request: ReplicateRequest,
  context: { readonly progress: ProgressSink },
  signal: AbortSignal,
): Promise<ReplicateReport> {
  const { locations, generation } = request
  await using opened = new AsyncDisposableStack()
  const primary = opened.use(await locations.lock({ location: 'primary', generation }, 'shared', signal))
  const { repository } = primary
  const isThere = await locations.has({ location: 'secondary', generation }, signal)
  if (!isThere && request.whenEmpty === 'refuse') throw emptySecondary(locations)
  const target = await locations.storage({ location: 'secondary', generation }, isThere ? 'existing' : 'create', signal)
  opened.defer(() => target.close())
  const signals = [primary.signal]
  let guarded = target
  // A repository that is not there yet has nobody who could work in it.
  if (isThere) {
    const { config, key, keyId, random } = repository
    const copy = new Repository({ storage: target, config, key, keyId, random })
    const kind = request.removed.size > 0 ? 'exclusive' : 'shared'
    const lock = opened.use(await locations.lockOpened(copy, kind, signal))
    signals.push(lock.signal)
    guarded = whileLocked(target, lock)
  }
  return await replicateLocked({ request, repository, target: guarded }, context, AbortSignal.any(signals))
}

async function replicateLocked(
  { request, repository, target }: { request: ReplicateRequest; repository: Repository; target: Storage },
  context: { readonly progress: ProgressSink },
  signal: AbortSignal,
): Promise<ReplicateReport> {
  const common = { source: repository.storage, target, verify: 'copied' } as const
  const looked = await mirror({ ...common, surplus: 'keep', dryRun: true }, context, signal)
  const alone = snapshotsOf(looked.plan.surplus)
  const going = alone.filter((id) => request.removed.has(id))
  const staying = alone.filter((id) => !request.removed.has(id))
  const lostAtPrimary = staying.filter((id) => !request.onlyHere.has(id))
  const namedPacks = async (stop: AbortSignal): Promise<ReadonlySet<string>> => {
    const indexes = await loadIndexFiles(repository, {}, stop)
    return new Set(indexes.flatMap(({ packs }) => packs.map(({ id }) => packObjectName(id))))
  }
  // A primary whose last backup went looks like one that has lost everything: mirror() refuses to follow it. Only
  // snapshots go then, which are known by name to be meant; what they needed goes with the whole generation.
  const isEmptied = (await listSnapshots(repository.storage, signal)).length === 0
  const surplus = request.removed.size > 0 && staying.length === 0 && !isEmptied ? 'remove' : 'keep'
  const report = await mirror({ ...common, surplus, namedPacks }, context, signal)
  const byName = surplus === 'keep' && report.faults.length === 0 ? going : []
  for (const id of byName) await target.remove(objectNameOf('snapshots', id), signal)
  const damaged = new Set(report.faults.map(({ objectName }) => objectName))
  const objects = [...report.plan.copy, ...report.plan.differing].filter(({ objectName }) => !damaged.has(objectName))
  const { intact, faults } = await verifyNames({ storage: target, objects }, context.progress, signal)
  const snapshots = await listSnapshots(target, signal)
  return {
    copiedObjects: report.copiedObjects,
    copiedBytes: report.copiedBytes,
    verifiedObjects: intact,
    removedObjects: report.removedObjects + byName.length,
    snapshots,
    lostAtPrimary,
    faults: [...report.faults, ...faults.map((fault) => ({ ...fault, side: 'target' as const }))],
  }
}

async function listSnapshots(storage: Pick<Storage, 'list'>, signal: AbortSignal): Promise<Id[]> {
  return snapshotsOf(await Array.fromAsync(storage.list('snapshots/', signal)))
}

function snapshotsOf(objects: readonly StoredObject[]): Id[] {
  return objects.flatMap(({ objectName }) => {
    const parsed = parseObjectName(objectName)
    return parsed?.kind === 'snapshots' ? [parsed.id] : []
  })
}

function emptySecondary(locations: Locations): Failure {
  const place = locations.placeOf('secondary')
  return new Failure(
    'storage_unreachable',
    `Cannot replicate to the secondary location "${place}": it is empty, although backups were copied to it`,
    { facts: { hint: 'Mount it; if it is a new one, run `replicate --fill-empty`' } },
  )
}

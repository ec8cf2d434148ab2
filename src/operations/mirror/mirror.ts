import { Failure } from '../../base/failure.ts'
import { inLanes } from '../../base/in-lanes.ts'
import { configName } from '../../repository/object-kind.ts'
import type { Storage, StoredObject } from '../../storage/storage.ts'
import { examineObject } from '../examine-object.ts'
import type { ProgressSink } from '../progress.ts'
import { copiedKind, copyOrder, listCopiedObjects } from '../stored-objects.ts'
import { LaneBuffers } from './lane-buffers.ts'
import { planMirror, type MirrorPlan } from './plan-mirror.ts'
import { verifyNames, type NameFault } from './verify-names.ts'

export interface MirrorRequest {
  readonly source: Storage
  readonly target: Storage
  readonly surplus: 'keep' | 'remove'
  /** 'all' also reads what the target held before, and compares the SHA-256 of each object with its name. */
  readonly verify: 'copied' | 'all'
  /** Names of packs that the source's indexes name. What of them the source has lost is never removed from the target. */
  readonly namedPacks?: (signal: AbortSignal) => Promise<ReadonlySet<string>>
  readonly dryRun?: boolean
}

export interface MirrorFault extends NameFault {
  readonly side: 'source' | 'target'
}

export interface MirrorReport {
  readonly plan: MirrorPlan
  readonly copiedObjects: number
  readonly copiedBytes: number
  /** Objects that were there with a wrong size, and are right now. */
  readonly mendedObjects: number
  readonly removedObjects: number
  /** Objects of the target that were read and found right, beyond those just copied. */
  readonly verifiedObjects: number
  /** What is damaged; empty where source and target can be relied on. */
  readonly faults: readonly MirrorFault[]
}

/** Copies under way at the same time: two keep source and target busy, two more cover the waits of small objects. */
const lanesMax = 4

/**
 * Makes the target hold what the source holds, by name, without a key. Every object is compared with the SHA-256
 * that is its name before it is written, so a damage of the source is reported and never copied.
 *
 * Crash order: keys, config, packs, indexes, snapshots, each kind complete before the next is begun; removals after
 * that in the opposite order, and none where the source is damaged. Wherever it is stopped, the target is a valid repository, and running it again goes on.
 * Failure `refused` where the two sides are different repositories, and for planMirror()'s reasons.
 */
export async function mirror(
  request: MirrorRequest,
  context: { readonly progress: ProgressSink },
  signal: AbortSignal,
): Promise<MirrorReport> {
  const { source, target } = request
  const targetObjects = await listCopiedObjects(target, signal)
  const sourceObjects = await listCopiedObjects(source, signal)
  const plan = planMirror({ source: sourceObjects, target: targetObjects, surplus: request.surplus })
  if (!sourceObjects.some(({ objectName }) => objectName === configName))
    throw new Failure('repository_missing', `Cannot mirror "${source.name}": it has no "${configName}"`)
  await requireSameConfig(request, targetObjects, signal)
  await requireNotLost(request, plan, signal)
  const run = new MirrorRun(request, context.progress, plan)
  if (request.dryRun !== true) {
    await run.copy(signal)
    await run.mendDiffering(signal)
    // What could not be copied may be the only other place of what is to be removed, e.g. a pack that a prune wrote.
    if (run.faults === 0) await run.remove(signal)
  }
  if (request.verify === 'all') await run.verify(targetObjects, signal)
  return run.report()
}

async function requireSameConfig(
  request: MirrorRequest,
  targetObjects: readonly StoredObject[],
  signal: AbortSignal,
): Promise<void> {
  if (targetObjects.length === 0) return
  const hasConfig = targetObjects.some(({ objectName }) => objectName === configName)
  if (!hasConfig) return // A mirror that was stopped before its config came; what else is there is named by hashes.
  const [ours, theirs] = await Promise.all([
    request.source.get(configName, {}, signal),
    request.target.get(configName, {}, signal),
  ])
  if (Buffer.compare(ours, theirs) === 0) return
  throw new Failure(
    'refused',
    `Cannot mirror "${request.source.name}" to "${request.target.name}": their configs differ`,
    {
      facts: { hint: 'Either they are different repositories, or one config is damaged: then heal that side' },
    },
  )
}

/** A pack that an index of the source names was lost there, not pruned: the target's may be the last one. */
async function requireNotLost(request: MirrorRequest, plan: MirrorPlan, signal: AbortSignal): Promise<void> {
  if (plan.remove.length === 0 || request.namedPacks === undefined) return
  const named = await request.namedPacks(signal)
  const lost = plan.remove.find(({ objectName }) => named.has(objectName))?.objectName
  if (lost === undefined) return
  throw new Failure(
    'refused',
    `Cannot remove "${lost}" from the mirror: the source has lost it, and an index there still names it`,
    { facts: { objectName: lost, hint: 'Run `heal --from` the mirror first' } },
  )
}

class MirrorRun {
  readonly #request: MirrorRequest
  readonly #progress: ProgressSink
  readonly #plan: MirrorPlan
  readonly #faults: MirrorFault[] = []
  readonly #buffers = new LaneBuffers(lanesMax)
  readonly #bytesTotal: number
  #copiedObjects = 0
  #copiedBytes = 0
  #mendedObjects = 0
  #removedObjects = 0
  #verifiedObjects = 0

  constructor(request: MirrorRequest, progress: ProgressSink, plan: MirrorPlan) {
    this.#request = request
    this.#progress = progress
    this.#plan = plan
    this.#bytesTotal = plan.copy.reduce((sum, { size }) => sum + size, 0)
  }

  /** Damages found so far. */
  get faults(): number {
    return this.#faults.length
  }

  async copy(signal: AbortSignal): Promise<void> {
    for (const kind of copyOrder) {
      const objects = this.#plan.copy.filter(({ objectName }) => copiedKind(objectName) === kind)
      await inLanes(objects, lanesMax, signal, async (object, lane) => {
        if (!(await this.#copyOne(object, lane, 'keep', signal))) return
        this.#copiedObjects++
        this.#copiedBytes += object.size
        this.#tell('mirror', this.#copiedObjects, this.#plan.copy.length)
      })
    }
  }

  /** Of two objects with one name and two sizes the source's is right if it has that SHA-256; then it replaces the other. */
  async mendDiffering(signal: AbortSignal): Promise<void> {
    await inLanes(this.#plan.differing, lanesMax, signal, async (object, lane) => {
      if (await this.#copyOne(object, lane, 'replace', signal)) this.#mendedObjects++
    })
  }

  async remove(signal: AbortSignal): Promise<void> {
    for (const kind of copyOrder.toReversed()) {
      const objects = this.#plan.remove.filter(({ objectName }) => copiedKind(objectName) === kind)
      await inLanes(objects, lanesMax, signal, async ({ objectName }) => {
        await this.#request.target.remove(objectName, signal)
        this.#removedObjects++
        this.#tell('remove', this.#removedObjects, this.#plan.remove.length)
      })
    }
  }

  async verify(before: readonly StoredObject[], signal: AbortSignal): Promise<void> {
    const removed = new Set(this.#plan.remove.map(({ objectName }) => objectName))
    const objects = before.filter(({ objectName }) => this.#request.dryRun === true || !removed.has(objectName))
    const { intact, faults } = await verifyNames({ storage: this.#request.target, objects }, this.#progress, signal)
    this.#verifiedObjects = intact
    this.#faults.push(...faults.map((fault) => ({ ...fault, side: 'target' as const })))
  }

  report(): MirrorReport {
    return {
      plan: this.#plan,
      copiedObjects: this.#copiedObjects,
      copiedBytes: this.#copiedBytes,
      mendedObjects: this.#mendedObjects,
      removedObjects: this.#removedObjects,
      verifiedObjects: this.#verifiedObjects,
      faults: this.#faults,
    }
  }

  async #copyOne(
    { objectName, size }: StoredObject,
    lane: number,
    whenPresent: 'keep' | 'replace',
    signal: AbortSignal,
  ): Promise<boolean> {
    const { source, target } = this.#request
    const examined = await examineObject(source, objectName, { into: this.#buffers.take(lane, size) }, signal)
    if (examined.state !== 'intact') {
      this.#faults.push({ side: 'source', objectName, state: examined.state, detail: examined.detail })
      return false
    }
    await target.put(objectName, examined.bytes, { whenPresent }, signal)
    return true
  }

  #tell(phase: string, filesDone: number, filesTotal: number): void {
    const { length: gaps } = this.#faults
    this.#progress({ phase, filesDone, filesTotal, bytesDone: this.#copiedBytes, bytesTotal: this.#bytesTotal, gaps })
  }
}

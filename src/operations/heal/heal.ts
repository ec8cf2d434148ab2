import { hash } from 'node:crypto'
import { Failure } from '../../base/failure.ts'
import { inLanes } from '../../base/in-lanes.ts'
import { configName } from '../../repository/object-kind.ts'
import type { Storage, StoredObject } from '../../storage/storage.ts'
import { examineObject, faultOf, type ConfigProof } from '../examine-object.ts'
import { LaneBuffers } from '../mirror/lane-buffers.ts'
import { verifyNames } from '../mirror/verify-names.ts'
import type { ProgressSink } from '../progress.ts'
import { copiedKind, copyOrder, listCopiedObjects } from '../stored-objects.ts'
import { planHeal, type HealFact, type HealPlan, type Mending, type SideState } from './plan-heal.ts'

export interface HealRequest {
  /** The storage to mend. */
  readonly storage: Storage
  /** Another storage of the same repository, made by mirror(). */
  readonly mirror: Storage
  /**
   * What becomes of objects that only one side has: 'restore' copies them, because an object that was lost can not be
   * told from one that was removed on purpose. Run mirror with removal after forget and prune, or choose 'leave'.
   */
  readonly absent: 'restore' | 'leave'
  /** 'both' verifies and mends the mirror too. */
  readonly sides: 'here' | 'both'
  /** Objects to look at, e.g. those that a check named; all where it is not given. */
  readonly suspects?: readonly string[]
  /** Opens the seal of "config", whose name is no hash. Without it two differing configs can not be told apart. */
  readonly proveConfig?: ConfigProof
  readonly dryRun?: boolean
}

export interface HealReport {
  readonly plan: HealPlan
  readonly examinedObjects: number
  readonly examinedBytes: number
  /** Written and read back. */
  readonly mended: readonly Mending[]
  /** What stays damaged, and why. Empty where everything that was examined is right now. */
  readonly unhealed: readonly { readonly objectName: string; readonly detail: string }[]
}

const lanesMax = 3

/**
 * Finds objects whose bytes are not those of their names, or that are absent, and puts the other side's bytes in
 * their place. Bytes are verified before they are written, and read back afterwards; an intact object is never
 * written over. Works without a key.
 *
 * Every step is one atomic put of verified bytes under their own name, in the order of copying: it may be stopped
 * anywhere and run again. The caller holds an exclusive lock where it can, or a prune could remove the same objects.
 */
export async function heal(
  request: HealRequest,
  context: { readonly progress: ProgressSink },
  signal: AbortSignal,
): Promise<HealReport> {
  const here = await listCopiedObjects(request.storage, signal)
  const there = await listCopiedObjects(request.mirror, signal)
  requireSameRepository(request, here, there)
  const hereStates = await statesOf(request, request.storage, here, context.progress, signal)
  const thereStates =
    request.sides === 'both'
      ? await statesOf(request, request.mirror, there, context.progress, signal)
      : new Map<string, SideState>(there.map(({ objectName }) => [objectName, 'unknown']))
  await judgeConfigs(request, hereStates, thereStates, signal)
  const objects = joinSides(request, { here, there, hereStates, thereStates })
  const plan = planHeal({ objects, absent: request.absent, sides: request.sides })
  const examined = [...here, ...(request.sides === 'both' ? there : [])].filter((object) => isSuspect(request, object))
  const outcome =
    request.dryRun === true ? { mended: [], unhealed: [] } : await execute(request, plan, context.progress, signal)
  return {
    plan,
    examinedObjects: examined.length,
    examinedBytes: examined.reduce((sum, { size }) => sum + size, 0),
    mended: outcome.mended,
    unhealed: [
      ...plan.lost.map(({ objectName }) => ({ objectName, detail: 'neither side has intact bytes of it' })),
      ...outcome.unhealed,
    ],
  }
}

/** Objects with the same hash for a name prove that both are of one repository; where all is lost here, nothing could. */
function requireSameRepository(
  request: HealRequest,
  here: readonly StoredObject[],
  there: readonly StoredObject[],
): void {
  if (there.length === 0)
    throw new Failure('repository_missing', `Cannot heal from "${request.mirror.name}": there is no repository`)
  const names = new Set(there.map(({ objectName }) => objectName))
  const hashed = here.filter(({ objectName }) => objectName !== configName)
  if (hashed.length === 0 || hashed.some(({ objectName }) => names.has(objectName))) return
  throw new Failure(
    'refused',
    `Cannot heal "${request.storage.name}" from "${request.mirror.name}": they have no object in common`,
    { facts: { hint: 'They seem to be different repositories; healing would mix them' } },
  )
}

function isSuspect(request: HealRequest, { objectName }: { readonly objectName: string }): boolean {
  return request.suspects?.includes(objectName) ?? true
}

async function statesOf(
  request: HealRequest,
  storage: Storage,
  objects: readonly StoredObject[],
  progress: ProgressSink,
  signal: AbortSignal,
): Promise<Map<string, SideState>> {
  const suspects = objects.filter((object) => isSuspect(request, object))
  const verified = await verifyNames({ storage, objects: suspects, proveConfig: request.proveConfig }, progress, signal)
  const states = new Map<string, SideState>(objects.map(({ objectName }) => [objectName, 'intact']))
  for (const { objectName, state } of verified.faults) states.set(objectName, state)
  return states
}

/** "config" has no hash for a name: without its key, it is known to be right only where both sides have the same bytes. */
async function judgeConfigs(
  request: HealRequest,
  here: Map<string, SideState>,
  there: Map<string, SideState>,
  signal: AbortSignal,
): Promise<void> {
  if (request.proveConfig !== undefined || here.get(configName) !== 'intact' || !there.has(configName)) return
  const [ours, theirs] = await Promise.all(
    [request.storage, request.mirror].map(async (storage) => {
      try {
        return await storage.get(configName, {}, signal)
      } catch (error) {
        return faultOf(error).state
      }
    }),
  )
  if (typeof ours === 'string') here.set(configName, ours)
  if (typeof theirs === 'string') there.set(configName, theirs)
  if (typeof ours === 'string' || typeof theirs === 'string' || Buffer.compare(ours!, theirs!) === 0) return
  here.set(configName, 'damaged')
  there.set(configName, 'damaged')
}

function joinSides(
  request: HealRequest,
  sides: {
    readonly here: readonly StoredObject[]
    readonly there: readonly StoredObject[]
    readonly hereStates: ReadonlyMap<string, SideState>
    readonly thereStates: ReadonlyMap<string, SideState>
  },
): HealFact[] {
  // Where both have it, the mirror's size counts: an object that was cut here tells nothing of what there is to copy.
  const objects = new Map([...sides.here, ...sides.there].map((object) => [object.objectName, object]))
  const facts = Array.from(objects.values(), ({ objectName, size }) => ({
    objectName,
    size,
    here: sides.hereStates.get(objectName) ?? 'absent',
    there: sides.thereStates.get(objectName) ?? 'absent',
  })).filter((fact) => isSuspect(request, fact))
  return copyOrder.flatMap((kind) => facts.filter(({ objectName }) => copiedKind(objectName) === kind))
}

async function execute(
  request: HealRequest,
  plan: HealPlan,
  progress: ProgressSink,
  signal: AbortSignal,
): Promise<Pick<HealReport, 'mended' | 'unhealed'>> {
  const buffers = new LaneBuffers(lanesMax)
  const mended: Mending[] = []
  const unhealed: { objectName: string; detail: string }[] = []
  let bytesDone = 0
  for (const kind of copyOrder) {
    const mendings = plan.mend.filter(({ objectName }) => copiedKind(objectName) === kind)
    await inLanes(mendings, lanesMax, signal, async (mending, lane) => {
      const detail = await mendOne(request, mending, buffers.take(lane, mending.size), signal)
      if (detail === undefined) mended.push(mending)
      else unhealed.push({ objectName: mending.objectName, detail })
      bytesDone += mending.size
      const filesTotal = plan.mend.length
      progress({ phase: 'heal', filesDone: mended.length, filesTotal, bytesDone, gaps: unhealed.length })
    })
  }
  return { mended, unhealed }
}

/** Says why the object stays as it is; undefined where it is right now. */
async function mendOne(
  request: HealRequest,
  { objectName, side }: Mending,
  into: Uint8Array,
  signal: AbortSignal,
): Promise<string | undefined> {
  const [target, source] = side === 'here' ? [request.storage, request.mirror] : [request.mirror, request.storage]
  const options = { into, proveConfig: request.proveConfig }
  const good = await examineObject(source, objectName, options, signal)
  if (good.state !== 'intact') return `"${source.name}" can not help: ${good.detail}`
  await target.put(objectName, good.bytes, { whenPresent: 'replace' }, signal)
  const written = hash('sha256', good.bytes)
  const after = await examineObject(target, objectName, options, signal)
  if (after.state !== 'intact') return `It was written to "${target.name}" and read back: ${after.detail}`
  if (hash('sha256', after.bytes) !== written)
    throw new Failure('defect', `Cannot heal "${objectName}": other bytes came back`)
  return undefined
}

import { isFailure } from '../../base/failure.ts'
import { inLanes } from '../../base/in-lanes.ts'
import type { Storage, StoredObject } from '../../storage/storage.ts'
import { planHeal, type HealFact, type HealPlan, type Mending, type SideState } from '../heal/plan-heal.ts'
import { isIntactWal } from './wal-codec.ts'
import { parseWalObjectName } from './wal-object-name.ts'

export interface HealWalRequest {
  /** The logs of one generation, of every source, at one location; undefined where there are none and none are to be made. */
  readonly here: Storage | undefined
  /** At the other one. */
  readonly there: Storage | undefined
  readonly dryRun: boolean
}

export interface WalHealed {
  readonly plan: HealPlan
  readonly examinedObjects: number
  readonly examinedBytes: number
  /** Written and read back. */
  readonly mended: readonly Mending[]
  readonly unhealed: readonly { readonly objectName: string; readonly detail: string }[]
}

interface Examined {
  readonly states: ReadonlyMap<string, SideState>
  readonly sizes: ReadonlyMap<string, number>
}

const lanesMax = 3

/**
 * Reads all stored WAL at both sides and puts what one has whole where the other has it damaged or not at all, without a key.
 * Beginnings of a segment are not brought back where more of it is stored. What is whole is never written over.
 *
 * Every step is one atomic put of verified bytes under their own name: it may be stopped anywhere and run again, and
 * a receiver may store meanwhile.
 */
export async function healWal(request: HealWalRequest, signal: AbortSignal): Promise<WalHealed> {
  const here = await examine(request.here, signal)
  const there = await examine(request.there, signal)
  const plan = planWalHeal(here, there)
  const sizes = [...here.sizes.values(), ...there.sizes.values()]
  const counts = { examinedObjects: sizes.length, examinedBytes: sizes.reduce((sum, size) => sum + size, 0) }
  const unhealed = plan.lost.map(({ objectName }) => ({ objectName, detail: 'neither location has it whole' }))
  if (request.dryRun) return { plan, ...counts, mended: [], unhealed }
  const mended: Mending[] = []
  for (const mending of plan.mend) {
    const [from, to] = mending.side === 'here' ? [request.there, request.here] : [request.here, request.there]
    const detail = await mend(mending, from!, to!, signal)
    if (detail === undefined) mended.push(mending)
    else unhealed.push({ objectName: mending.objectName, detail })
  }
  return { plan, ...counts, mended, unhealed }
}

/** Pure. Histories go first, then the log in its order. */
export function planWalHeal(
  here: Pick<Examined, 'states' | 'sizes'>,
  there: Pick<Examined, 'states' | 'sizes'>,
): HealPlan {
  const names = [...new Set([...here.states.keys(), ...there.states.keys()])].toSorted(
    (a, b) => Number(b.endsWith('.history')) - Number(a.endsWith('.history')) || (a < b ? -1 : 1),
  )
  const isWhole = (name: string): boolean => here.states.get(name) === 'intact' || there.states.get(name) === 'intact'
  const longest = longestParts(names.filter(isWhole))
  const facts: HealFact[] = names.map((objectName) => ({
    objectName,
    here: here.states.get(objectName) ?? 'absent',
    there: there.states.get(objectName) ?? 'absent',
    size: here.sizes.get(objectName) ?? there.sizes.get(objectName) ?? 0,
  }))
  const isWanted = ({ objectName, here: one, there: other }: HealFact): boolean => {
    const { segment, bytes } = partOf(objectName)
    const isSuperseded = bytes < (longest.get(segment) ?? 0)
    return !isSuperseded || (one !== 'absent' && other !== 'absent')
  }
  return planHeal({ objects: facts.filter(isWanted), absent: 'restore', sides: 'both' })
}

/** How much of each segment there is. */
function longestParts(names: readonly string[]): ReadonlyMap<string, number> {
  const longest = new Map<string, number>()
  for (const name of names) {
    const { segment, bytes } = partOf(name)
    longest.set(segment, Math.max(bytes, longest.get(segment) ?? 0))
  }
  return longest
}

/** An object that is no beginning is the whole of what it is. */
function partOf(objectName: string): { readonly segment: string; readonly bytes: number } {
  const parsed = parseWalObjectName(belowSource(objectName))
  if (parsed?.partBytes === undefined) return { segment: objectName, bytes: Infinity }
  return { segment: objectName.slice(0, objectName.lastIndexOf('.part-')), bytes: parsed.partBytes }
}

/** An object's name without the folder of its source. */
function belowSource(objectName: string): string {
  return objectName.slice(objectName.indexOf('/') + 1)
}

async function examine(storage: Storage | undefined, signal: AbortSignal): Promise<Examined> {
  const states = new Map<string, SideState>()
  const sizes = new Map<string, number>()
  if (storage === undefined) return { states, sizes }
  const objects: StoredObject[] = []
  for await (const object of storage.list('', signal)) {
    if (parseWalObjectName(belowSource(object.objectName)) !== undefined) objects.push(object)
  }
  await inLanes(objects, lanesMax, signal, async ({ objectName, size }) => {
    try {
      states.set(objectName, isIntactWal(await storage.get(objectName, {}, signal)) ? 'intact' : 'damaged')
      sizes.set(objectName, size)
    } catch (error) {
      // Retention may have removed it meanwhile; a disk that can not read it has it damaged.
      if (isFailure(error, 'object_missing')) return
      if (!isFailure(error, 'repository_damaged')) throw error
      states.set(objectName, 'damaged')
      sizes.set(objectName, size)
    }
  })
  return { states, sizes }
}

/** Why it could not be mended; undefined where it was. */
async function mend(
  { objectName, found }: Mending,
  from: Storage,
  to: Storage,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const bytes = await from.get(objectName, {}, signal)
    if (!isIntactWal(bytes)) return 'the other location had it whole, and has no more'
    // What was absent may have been stored meanwhile.
    await to.put(objectName, bytes, { whenPresent: found === 'absent' ? 'keep' : 'replace' }, signal)
    return isIntactWal(await to.get(objectName, {}, signal)) ? undefined : 'what was written is read back damaged'
  } catch (error) {
    if (isFailure(error, 'object_missing')) return undefined // Retention removed it at one of both meanwhile.
    throw error
  }
}

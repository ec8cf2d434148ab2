import { Failure, isFailure } from '../../base/failure.ts'
import { inLanes } from '../../base/in-lanes.ts'
import type { Storage, StoredObject } from '../../storage/storage.ts'
import { isIntactWal } from './wal-codec.ts'
import { parseWalObjectName } from './wal-object-name.ts'

export interface MirrorWalRequest {
  readonly from: Storage
  readonly to: Storage
  /** The folder of one source's WAL in one generation, the same at both: "production/1/wal/orders/". */
  readonly prefix: string
  /** What becomes of what only the target has: `remove` follows the source's retention. */
  readonly surplus: 'keep' | 'remove'
}

export interface WalMirrored {
  readonly copied: number
  readonly copiedBytes: number
  readonly removed: number
  /** Objects of the source that are not what was stored: not copied. The target may hold them whole. */
  readonly damaged: readonly string[]
}

export interface WalMirrorPlan {
  /** Absent at the target, or of another size there; histories first, then in the order of the log. */
  readonly copy: readonly StoredObject[]
  readonly remove: readonly StoredObject[]
}

const lanesMax = 3
/** What is listed may be gone when it is read; it is listed anew so many times. */
const passesMax = 5

/**
 * Copies stored WAL to another location, by name and without any key; each object is verified on its way by its own digest.
 * Everything is copied before anything is removed, so that the shorter beginnings of a segment go after the longer one
 * came; a crash leaves more than is needed, which the next run removes. Failure `refused` where the source lost everything that the target has.
 */
export async function mirrorWal(request: MirrorWalRequest, signal: AbortSignal): Promise<WalMirrored> {
  const { from, to, prefix, surplus } = request
  const damaged = new Set<string>()
  let [copied, copiedBytes] = [0, 0]
  for (let pass = 1; ; pass++) {
    const [source, target] = await Promise.all([listWal(from, prefix, signal), listWal(to, prefix, signal)])
    const plan = planWalMirror({ source, target, surplus })
    let vanished = 0
    await inLanes(plan.copy, lanesMax, signal, async ({ objectName }) => {
      const bytes = await getListed(from, objectName, pass < passesMax, signal)
      if (bytes === undefined) vanished += 1
      else if (!isIntactWal(bytes)) damaged.add(objectName)
      else {
        // One of another size at the target is not whole there.
        await to.put(objectName, bytes, { whenPresent: 'replace' }, signal)
        copied += 1
        copiedBytes += bytes.length
      }
    })
    // What took its place is to be copied too, before anything goes.
    if (vanished > 0) continue
    // Nothing is removed while something could not be copied: the target may hold the last of it.
    const remove = damaged.size === 0 ? plan.remove : []
    for (const { objectName } of remove) await to.remove(objectName, signal)
    return { copied, copiedBytes, removed: remove.length, damaged: [...damaged].toSorted() }
  }
}

/** Undefined where it is gone and that may be: a receiver removes a beginning of a segment when it has stored more of it. */
async function getListed(
  from: Storage,
  objectName: string,
  mayBeGone: boolean,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  try {
    return await from.get(objectName, {}, signal)
  } catch (error) {
    if (mayBeGone && isFailure(error, 'object_missing')) return undefined
    throw error
  }
}

/** Pure. */
export function planWalMirror(facts: {
  readonly source: readonly StoredObject[]
  readonly target: readonly StoredObject[]
  readonly surplus: 'keep' | 'remove'
}): WalMirrorPlan {
  const { source, target, surplus } = facts
  const atSource = new Set(source.map(({ objectName }) => objectName))
  const atTarget = new Map(target.map(({ objectName, size }) => [objectName, size]))
  if (surplus === 'remove' && source.length === 0 && target.length > 0) {
    throw new Failure(
      'refused',
      `Cannot follow the source's retention: it has no WAL, the target has ${target.length} objects`,
      {
        facts: { hint: 'If the source lost it, copy it back; if it is meant, empty the target by hand' },
      },
    )
  }
  return {
    copy: source.filter(({ objectName, size }) => atTarget.get(objectName) !== size).toSorted(byOrder),
    remove: surplus === 'remove' ? target.filter(({ objectName }) => !atSource.has(objectName)).toSorted(byOrder) : [],
  }
}

function byOrder(a: StoredObject, b: StoredObject): number {
  return kindOrder(a) - kindOrder(b) || (a.objectName < b.objectName ? -1 : 1)
}

function kindOrder({ objectName }: StoredObject): number {
  return objectName.endsWith('.history') ? 0 : 1
}

async function listWal(storage: Storage, prefix: string, signal: AbortSignal): Promise<StoredObject[]> {
  const objects: StoredObject[] = []
  for await (const object of storage.list(prefix, signal)) {
    if (parseWalObjectName(object.objectName.slice(prefix.length)) !== undefined) objects.push(object)
  }
  return objects
}

import { configName, parseObjectName, type ObjectKind } from '../repository/object-kind.ts'
import type { Storage, StoredObject } from '../storage/storage.ts'

/** Every object of a repository that is worth a copy, by kind. Locks are not: they belong to running processes. */
export type CopiedKind = Exclude<ObjectKind, 'locks'> | 'config'

/**
 * The order in which objects are copied to another storage: whatever an object names is there before it, so that the
 * copy is a valid repository at every moment, first an empty one, at last one with all snapshots.
 */
export const copyOrder = ['keys', 'config', 'data', 'index', 'snapshots'] as const satisfies readonly CopiedKind[]

/** The kind of an object that is worth a copy; undefined for locks and for what is not of a repository. */
export function copiedKind(objectName: string): CopiedKind | undefined {
  if (objectName === configName) return 'config'
  const kind = parseObjectName(objectName)?.kind
  return kind === 'locks' ? undefined : kind
}

/**
 * Names and sizes of all objects that are worth a copy, in the order of copying and, within a kind, of their names.
 * The kinds are listed in the opposite order: whatever a listed object names was stored before it, so it is listed
 * too, although others may be adding to the storage meanwhile.
 */
export async function listCopiedObjects(storage: Pick<Storage, 'list'>, signal: AbortSignal): Promise<StoredObject[]> {
  const found: Record<CopiedKind, StoredObject[]> = { keys: [], config: [], data: [], index: [], snapshots: [] }
  for (const kind of copyOrder.toReversed()) {
    const prefix = kind === 'config' ? configName : `${kind}/`
    for await (const object of storage.list(prefix, signal))
      if (copiedKind(object.objectName) === kind) found[kind].push(object)
  }
  return copyOrder.flatMap((kind) => found[kind].sort((a, b) => (a.objectName < b.objectName ? -1 : 1)))
}

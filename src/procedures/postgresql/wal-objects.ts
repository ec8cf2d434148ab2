import { parseWalObjectName, type WalObjectName } from '../../operations/wal/wal-object-name.ts'
import type { RepositoryChoice } from '../../operations/locations/locations.ts'
import type { Storage } from '../../storage/storage.ts'
import type { Installation } from '../installation.ts'

/** An object of WAL in the storage of a generation's logs. */
export interface WalObject extends WalObjectName {
  readonly source: string
  /** In that storage, with the source's folder before it. */
  readonly objectName: string
  readonly size: number
}

/** A generation's logs at one location, closed by disposing them. */
export interface OpenedWalObjects extends AsyncDisposable {
  readonly storage: Storage
  /** Every object of every source, also of those that the policy does not name any more. */
  readonly objects: readonly WalObject[]
}

/** Undefined where the location holds no WAL of the generation. Failure `storage_unreachable` where it is not there. */
export async function openWalObjects(
  { locations }: Pick<Installation, 'locations'>,
  choice: RepositoryChoice,
  signal: AbortSignal,
): Promise<OpenedWalObjects | undefined> {
  const storage = await locations.walStorage(choice, 'existing', signal)
  if (storage === undefined) return undefined
  await using held = new AsyncDisposableStack()
  held.defer(() => storage.close())
  const objects: WalObject[] = []
  for await (const { objectName, size } of storage.list('', signal)) {
    const slash = objectName.indexOf('/')
    const parsed = slash > 0 ? parseWalObjectName(objectName.slice(slash + 1)) : undefined
    if (parsed !== undefined) objects.push({ ...parsed, source: objectName.slice(0, slash), objectName, size })
  }
  const stack = held.move()
  return { storage, objects, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

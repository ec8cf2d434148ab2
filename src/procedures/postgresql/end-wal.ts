import type { LocationName } from '../../model/policy/policy.ts'
import { WalStore } from '../../operations/wal/wal-store.ts'
import type { Storage } from '../../storage/storage.ts'
import type { Installation, Watch } from '../installation.ts'
import { openWalObjects, type WalObject } from './wal-objects.ts'

interface WalOfGeneration {
  readonly location: LocationName
  readonly generation: number
}

/** How much WAL that a recovery may need lies in a generation at a location, of any source: all but histories. */
export async function countSegments(
  installation: Installation,
  choice: WalOfGeneration,
  signal: AbortSignal,
): Promise<number> {
  await using opened = await openWalObjects(installation, choice, signal)
  return opened?.objects.filter(({ wal }) => wal.kind !== 'history').length ?? 0
}

/**
 * Removes what a generation that ends still holds of WAL at a location: histories of timelines. Newer WAL can not be followed
 * without them, so they are sealed anew under the active key first.
 *
 * Crash order: each is stored anew before it is removed. Stopped anywhere, it is at one of both places, and the next call goes on.
 */
export async function endWal(
  installation: Installation,
  choice: WalOfGeneration,
  watch: Pick<Watch, 'notice'>,
  signal: AbortSignal,
): Promise<void> {
  const { locations, generations } = installation
  await using opened = await openWalObjects(installation, choice, signal)
  if (opened === undefined || opened.objects.length === 0) return
  const active = { location: choice.location, generation: generations.active }
  const to = (await locations.walStorage(active, 'create', signal))!
  try {
    for (const object of opened.objects) {
      if (object.wal.kind === 'history')
        await moveHistory(installation, { object, choice, from: opened.storage, to }, signal)
    }
  } finally {
    await to.close()
  }
  watch.notice(
    `timeline histories of generation ${choice.generation} at the ${choice.location} location were sealed anew`,
  )
}

async function moveHistory(
  { locations, generations, clock, random }: Installation,
  move: { readonly object: WalObject; readonly choice: WalOfGeneration; readonly from: Storage; readonly to: Storage },
  signal: AbortSignal,
): Promise<void> {
  const { object, choice, from, to } = move
  const storeIn = (storage: Storage, generation: number): WalStore =>
    new WalStore(
      { storage, prefix: `${object.source}/`, generation, key: locations.keyOf(generation) },
      { clock, random },
    )
  using old = storeIn(from, choice.generation)
  using now = storeIn(to, generations.active)
  const file = await old.get({ name: object.name, systemIdentifier: object.systemIdentifier }, signal)
  if (file === undefined) return
  const { name, systemIdentifier } = object
  await now.put({ name, systemIdentifier, content: file.content, isPart: false }, signal)
  await from.remove(object.objectName, signal)
}

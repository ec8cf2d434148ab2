import { Failure, isFailure } from '../../base/failure.ts'
import type { Backup } from '../../model/backup.ts'
import type { LocationName } from '../../model/policy/policy.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { LockedRepository } from '../../operations/locations/locations.ts'
import type { Installation, Watch } from '../installation.ts'

/** A backup in one of its copies, with the index read. Disposing it gives the lock back. */
export interface OpenedBackup extends LockedRepository {
  readonly location: LocationName
  readonly snapshot: Snapshot
}

/**
 * Opens a backup where it lies: at `location`, or at the first one where its copy can be opened, the primary before
 * the secondary. Failure of the last location that was tried.
 */
export async function openBackup(
  installation: Installation,
  { backup, location }: { readonly backup: Backup; readonly location: LocationName | undefined },
  watch: Pick<Watch, 'notice'>,
  signal: AbortSignal,
): Promise<OpenedBackup> {
  const copies = new Set((await installation.catalog.copies(backup.id)).map((copy) => copy.location))
  const places = location === undefined ? installation.locations.names.filter((name) => copies.has(name)) : [location]
  let failure: Failure | undefined
  for (const place of places) {
    try {
      return await openAt(installation, backup, place, signal)
    } catch (error) {
      if (signal.aborted || !isFailure(error)) throw error
      if (places.length > 1)
        watch.notice(`the ${place} copy of ${backup.id.slice(0, 8)} can not be opened: ${error.message}`)
      failure = error
    }
  }
  throw (
    failure ??
    new Failure('snapshot_missing', `Cannot open backup "${backup.id.slice(0, 8)}": no location holds a copy`)
  )
}

async function openAt(
  { locations }: Installation,
  backup: Backup,
  location: LocationName,
  signal: AbortSignal,
): Promise<OpenedBackup> {
  await using held = new AsyncDisposableStack()
  const locked = held.use(await locations.lock({ location, generation: backup.generation }, 'shared', signal))
  const snapshot = await locked.repository.loadSnapshot(backup.id, locked.signal)
  await locked.repository.loadIndex(locked.signal)
  const stack = held.move()
  const { repository, signal: lockedSignal } = locked
  return { location, snapshot, repository, signal: lockedSignal, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

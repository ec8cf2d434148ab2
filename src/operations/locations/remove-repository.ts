import { Failure } from '../../base/failure.ts'
import { inLanes } from '../../base/in-lanes.ts'
import type { Locations, RepositoryChoice } from './locations.ts'

const lanesMax = 8

/**
 * Removes the repository of a generation that has expired, with everything in it. Failure `refused` where it still holds
 * a snapshot.
 *
 * Crash order: snapshots are looked for under an exclusive lock, so nobody adds one. Indexes go before packs, the
 * config before the lock. Stopped anywhere, what is left opens or is told as damaged, holds no backup, and the next
 * call goes on.
 */
export async function removeRepository(
  { locations, choice }: { readonly locations: Locations; readonly choice: RepositoryChoice },
  signal: AbortSignal,
): Promise<void> {
  await using opened = await locations.lock(choice, 'exclusive', signal)
  const { repository } = opened
  for await (const { id } of repository.list('snapshots', opened.signal)) {
    throw new Failure(
      'refused',
      `Cannot remove "${locations.repositoryPlace(choice)}": it still holds backup "${id.slice(0, 8)}"`,
    )
  }
  for (const prefix of ['index/', 'data/', 'keys/', 'config']) {
    const names = (await Array.fromAsync(repository.storage.list(prefix, opened.signal))).map(
      ({ objectName }) => objectName,
    )
    await inLanes(names, lanesMax, opened.signal, (name) => repository.storage.remove(name, opened.signal))
  }
}

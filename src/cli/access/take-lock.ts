import { lockRepository, type LockableRepository, type RepositoryLock } from '../../repository/lock-repository.ts'
import type { LockOwner } from '../../repository/locks.ts'
import type { CommandContext } from '../command-entry.ts'
import { formatDuration } from '../output/format-duration.ts'
import type { World } from '../world.ts'

/** Takes a lock for this process, and waits for it as long as --retry-lock says. */
export async function takeLock(
  repository: LockableRepository,
  kind: 'shared' | 'exclusive',
  { world, globals, output, signal }: CommandContext,
): Promise<RepositoryLock> {
  const { clock } = world
  const { retryLockMs } = globals
  const onWait = (inTheWay: Error): void => {
    output.notice(`${inTheWay.message}; waiting up to ${formatDuration(retryLockMs / 1000)}`)
  }
  return await lockRepository(repository, { kind, owner: lockOwner(world), clock, retryLockMs, onWait }, signal)
}

/** This process, as its locks name it. */
export function lockOwner(world: World): LockOwner {
  const { hostname, username, processId, userId, groupId, isProcessAlive } = world
  return { hostname, username, processId, userId, groupId, isProcessAlive }
}

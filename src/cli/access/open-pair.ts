import { isFailure } from '../../base/failure.ts'
import { openRepository } from '../../repository/open-repository.ts'
import type { RepositoryLock } from '../../repository/lock-repository.ts'
import { Repository } from '../../repository/repository.ts'
import type { Storage } from '../../storage/storage.ts'
import type { CommandContext } from '../command-entry.ts'
import { takeLock } from './take-lock.ts'
import { givenPassword } from './password.ts'
import { readMasterKey } from './repository-access.ts'

/** Two copies of one repository. */
export interface Pair {
  readonly here: Storage
  readonly there: Storage
}

/**
 * The repository in one of two copies, where the options give a password or a master key; undefined where they do
 * not, since copies can be compared by name without a key and nobody is asked for one. The other copy serves where
 * the first does not open because it is damaged. The storage stays open.
 */
export async function openEither(pair: Pair, context: CommandContext): Promise<Repository | undefined> {
  const { globals, world, signal } = context
  const access =
    globals.masterKeyFile === undefined
      ? { password: await givenPassword(globals, signal), keyHint: globals.keyHint ?? '' }
      : { masterKey: await readMasterKey(globals.masterKeyFile, signal) }
  if (!('masterKey' in access) && access.password === undefined) return undefined
  const open = async (storage: Storage): Promise<Repository> =>
    'masterKey' in access
      ? await openRepository({ storage, random: world.random, masterKey: access.masterKey }, signal)
      : await openRepository(
          { storage, random: world.random, password: access.password!, keyHint: access.keyHint },
          signal,
        )
  try {
    return await open(pair.here)
  } catch (error) {
    if (!isFailure(error) || !mayBeDamage.includes(error.code)) throw error
    try {
      return await open(pair.there)
    } catch {
      throw error // The first copy is the one that the user named.
    }
  }
}

/** How a copy whose config or keys are damaged or lost fails to open. */
const mayBeDamage: readonly string[] = ['repository_damaged', 'repository_missing', 'key_wrong', 'object_missing']

/** Locks a copy by what the other told of the repository; what is answered gives the lock back. */
export async function lockCopy(
  storage: Storage,
  opened: Repository,
  kind: 'shared' | 'exclusive',
  context: CommandContext,
): Promise<RepositoryLock> {
  const { config, key, keyId, random } = opened
  const copy = storage === opened.storage ? opened : new Repository({ storage, config, key, keyId, random })
  return await takeLock(copy, kind, context)
}

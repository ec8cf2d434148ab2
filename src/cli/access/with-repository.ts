import { Failure } from '../../base/failure.ts'
import { Repository } from '../../repository/repository.ts'
import { whileLocked } from '../../repository/while-locked.ts'
import type { CommandContext } from '../command-entry.ts'
import { openPlace } from './open-place.ts'
import { repositoryPlace } from './place.ts'
import { takeLock } from './take-lock.ts'
import { accessRepository } from './repository-access.ts'

/** What a command does to its repository. */
export interface RepositoryNeeds {
  /** restic's rules: who adds or reads takes a shared lock, who removes data an exclusive one. */
  readonly lock: 'none' | 'shared' | 'exclusive'
  readonly use: 'read' | 'write'
}

/**
 * Opens the repository that the options name, locks it, and closes both when the work has ended. The signal given
 * to the work is aborted too when the lock is lost. The index is not read yet, so that the work can look at the
 * snapshots first.
 */
export async function withRepository<Answer>(
  context: CommandContext,
  needs: RepositoryNeeds,
  work: (repository: Repository, signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const { globals, output, signal } = context
  if (!globals.lock && needs.use === 'write') {
    throw new Failure('usage', 'Cannot work without a lock: this command writes to the repository', {
      facts: { hint: '--no-lock goes with commands that only read, and with --dry-run.' },
    })
  }
  const place = await repositoryPlace(globals, signal)
  const storage = await openPlace(place, { open: 'existing', use: globals.lock ? 'write' : 'read' }, context)
  await using repository = await accessRepository(storage, context)
  output.notice(`repository ${repository.config.id.slice(0, 8)} opened (version ${repository.version})`, 'verbose')
  if (!globals.lock || needs.lock === 'none') return await work(repository, signal)
  await using lock = await takeLock(repository, needs.lock, context)
  const { config, key, keyId, random } = repository
  await using locked = new Repository({ storage: whileLocked(storage, lock), config, key, keyId, random })
  return await work(locked, lock.signal)
}

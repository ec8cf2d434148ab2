import { Failure } from '../../base/failure.ts'
import type { GlobalOptions } from '../options/global-options.ts'
import { readTextFile } from './read-text-file.ts'
import type { World } from '../world.ts'

/** Where a storage is: the word of its adapter, and what that adapter makes of the rest. */
export interface Place {
  readonly adapter: string
  readonly path: string
}

/**
 * The place that a user named. Without an adapter's word before a colon it is a folder of this machine; a folder
 * with a colon in its first part can be written as "./a:b" or "local:a:b". Failure `usage` where it is empty,
 * `unsupported` for a word that no adapter has.
 */
export function parsePlace(text: string, world: Pick<World, 'storages'>): Place {
  if (text === '') throw new Failure('usage', 'Cannot open a repository: its place is empty')
  const match = /^([a-z][a-z0-9+-]*):(.*)$/s.exec(text)
  if (match === null) return { adapter: 'local', path: text }
  const [, adapter, path] = match
  if (Object.hasOwn(world.storages, adapter!) && path !== '') return { adapter: adapter!, path: path! }
  const known = Object.keys(world.storages).join(', ')
  throw new Failure('unsupported', `Cannot open a repository: there is no storage "${adapter}:", only ${known}`, {
    facts: { hint: `A folder of this name is written "./${text}".` },
  })
}

/** The place of the repository that the options of every command name. Failure `usage` where they name none or two, or a policy. */
export async function repositoryPlace(
  options: Pick<GlobalOptions, 'repo' | 'repositoryFile'> & Partial<Pick<GlobalOptions, 'policy'>>,
  signal: AbortSignal,
): Promise<string> {
  if (options.policy !== undefined) {
    throw new Failure('usage', 'Cannot work under a policy: this command works on one repository', {
      facts: { hint: 'Leave --policy out, and name the repository by -r.' },
    })
  }
  if (options.repo !== undefined && options.repositoryFile !== undefined) {
    throw new Failure('usage', 'Cannot choose a repository: both --repo and --repository-file are given')
  }
  if (options.repo !== undefined) return options.repo
  if (options.repositoryFile !== undefined) {
    return (await readTextFile(options.repositoryFile, 'repository file', signal)).trim()
  }
  throw new Failure('usage', 'Cannot choose a repository: none is given', {
    facts: { hint: 'Add -r <folder>, or set RESTIC_REPOSITORY.' },
  })
}

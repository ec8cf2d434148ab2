import { Failure } from '../../base/failure.ts'
import type { GlobalOptions } from '../options/global-options.ts'
import { readTextFile } from './read-text-file.ts'

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

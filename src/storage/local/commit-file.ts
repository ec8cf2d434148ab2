import { link, rename, stat, unlink } from 'node:fs/promises'
import { errorCode } from '../../base/error-code.ts'

/** What link(2) says on a file system that has no hard links, or has no more of them for this file. */
const noHardLinks: readonly string[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']

/**
 * Gives a finished file its object's name, in one step; the unfinished name is gone afterwards. Where it rejects,
 * the unfinished file may be left. System errors pass as they are. `hardLink` is an argument for the tests of
 * file systems that have none.
 */
export async function commitFile(
  from: string,
  to: string,
  whenPresent: 'keep' | 'replace',
  hardLink: (from: string, to: string) => Promise<void> = link,
): Promise<'stored' | 'exists'> {
  if (whenPresent === 'replace') {
    await rename(from, to)
    return 'stored'
  }
  let answer: 'stored' | 'exists' = 'stored'
  try {
    await hardLink(from, to) // The one portable call that gives a name and never replaces.
  } catch (error) {
    const code = errorCode(error) ?? ''
    if (noHardLinks.includes(code)) return await renameUnlessPresent(from, to)
    // A symlink that leads nowhere has the name, but is no object: nothing may be told to be stored.
    if (code !== 'EEXIST' || !(await isPresent(to))) throw error
    answer = 'exists'
  }
  await unlink(from)
  return answer
}

/**
 * Between the look and the rename another writer may store the same name. Objects but the config are named by
 * their hash, so that the same bytes replace themselves; two repositories made at once in one folder is the one
 * case that a file system without hard links can not refuse.
 */
async function renameUnlessPresent(from: string, to: string): Promise<'stored' | 'exists'> {
  if (await isPresent(to)) {
    await unlink(from)
    return 'exists'
  }
  await rename(from, to)
  return 'stored'
}

/** Says whether a file has this path; throws EISDIR where something else has it, which must not pass for an object. */
export async function isPresent(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isFile()) return true
    throw Object.assign(new Error(`not a regular file: ${path}`), { code: 'EISDIR' })
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false
    throw error
  }
}

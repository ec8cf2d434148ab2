import { lstat, readlink, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { errorCode } from '../../base/error-code.ts'
import { Failure } from '../../base/failure.ts'
import type { DiskProbe } from '../../model/policy/check-places.ts'

/** The kernel follows as many. */
const linksMax = 40

/** The disk of this machine. What this user may not look at is taken as it is written. */
export const localDisk: DiskProbe = {
  realPath: async (path) => {
    const { real, missing } = await nearest(path)
    return join(real, ...missing)
  },
  device: async (path) => {
    const { real } = await nearest(path)
    return (await stat(real, { bigint: true })).dev
  },
  look: async (path) => {
    try {
      const found = await stat(path)
      return found.isDirectory() ? 'folder' : found.isFile() ? 'file' : 'other'
    } catch (error) {
      if (!passable.includes(errorCode(error) ?? '')) throw error
      return errorCode(error) === 'EACCES' ? 'denied' : 'absent'
    }
  },
}

/**
 * The nearest part of a path that is there, with all symlinks followed, and the names below it that are not. A link to
 * what is not there yet is followed too: what is made there later lies there.
 */
async function nearest(path: string): Promise<{ readonly real: string; readonly missing: readonly string[] }> {
  let missing: string[] = []
  let links = 0
  for (let at = path; ; ) {
    try {
      return { real: await realpath(at), missing }
    } catch (error) {
      if (dirname(at) === at || !passable.includes(errorCode(error) ?? '')) throw error
    }
    const target = await linkTarget(at)
    if (target === undefined) {
      missing = [basename(at), ...missing]
      at = dirname(at)
      continue
    }
    links += 1
    if (links > linksMax) throw new Failure('storage_denied', `Cannot find "${path}": a symlink on it leads to itself`)
    at = resolve(await realpath(dirname(at)), target)
  }
}

const passable = ['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP']

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return (await lstat(path)).isSymbolicLink() ? await readlink(path) : undefined
  } catch (error) {
    if (passable.includes(errorCode(error) ?? '')) return undefined
    throw error
  }
}

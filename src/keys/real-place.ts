import { lstat, readlink, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve, sep } from 'node:path'
import { errorCode } from '../base/error-code.ts'
import { Failure } from '../base/failure.ts'
import { fileTrouble } from './file-trouble.ts'

/** What is not there, and what this user may not look at, stands as it is written. */
const passable: readonly string[] = ['ENOENT', 'ENOTDIR', 'EACCES']

/** The kernel follows as many. */
const linksMax = 40

/** Where a path leads. */
export interface RealPlace {
  /** Absolute, with every symlink followed; what does not exist yet stands as it is written. */
  readonly path: string
  /** Device of the last folder of it that exists. */
  readonly device: number
  /** Device and inode of every folder or file on the way that exists, the root's first. */
  readonly identities: readonly string[]
  /** Device and inode of the place itself; undefined where it does not exist yet. */
  readonly identity: string | undefined
}

/**
 * Follows a path as the kernel would, and beyond what exists: a link that leads to nowhere yet is followed too, since what is
 * made there later lies there. Failures: storage codes.
 */
export async function realPlace(path: string): Promise<RealPlace> {
  try {
    return await placeOf(await follow(resolve(path)))
  } catch (error) {
    throw fileTrouble(error, 'find', path)
  }
}

async function follow(path: string): Promise<string> {
  let real: string = sep
  let links = 0
  const parts = path.split(sep).filter((part) => part !== '')
  while (parts.length > 0) {
    const part = parts.shift()!
    if (part === '..') {
      real = dirname(real)
      continue
    }
    const next = join(real, part)
    const target = await linkTarget(next)
    if (target === undefined) {
      real = next
      continue
    }
    links += 1
    if (links > linksMax) throw new Failure('storage_denied', `Cannot find "${path}": a symlink on it leads to itself`)
    if (isAbsolute(target)) real = sep
    parts.unshift(...target.split(sep).filter((one) => one !== '' && one !== '.'))
  }
  return real
}

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return (await lstat(path)).isSymbolicLink() ? await readlink(path) : undefined
  } catch (error) {
    if (passable.includes(errorCode(error) ?? '')) return undefined
    throw error
  }
}

async function placeOf(path: string): Promise<RealPlace> {
  const way = [path]
  for (let one = path; dirname(one) !== one; ) way.unshift((one = dirname(one)))
  const identities: string[] = []
  let device = 0
  for (const one of way) {
    const stats = await stat(one, { bigint: true }).catch((error: unknown) => {
      if (passable.includes(errorCode(error) ?? '')) return undefined
      throw error
    })
    if (stats === undefined) break
    identities.push(`${stats.dev}:${stats.ino}`)
    device = Number(stats.dev)
  }
  return { path, device, identities, identity: identities.length === way.length ? identities.at(-1) : undefined }
}

/** Says whether a place is `outer` or lies below it, by path or as the same folder by another path (a bind mount). */
export function liesWithin(inner: RealPlace, outer: RealPlace): boolean {
  if (outer.identity !== undefined && inner.identities.includes(outer.identity)) return true
  return inner.path === outer.path || inner.path.startsWith(outer.path.endsWith(sep) ? outer.path : outer.path + sep)
}

import { posix } from 'node:path'
import type { ByteName } from '../../base/byte-name.ts'
import { compareNames } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import type { SelectedName } from './backup-job.ts'

/** What of a directory is backed up: all of it, or only the entries of these names, each by its own rule. */
export type Selection = 'all' | ReadonlyMap<ByteName, Selection>

/** A directory that the paths of a backup start from, and what of it is backed up. */
export interface BackupRoot {
  readonly path: ByteName
  readonly selection: Selection
}

/**
 * Lays the paths of a backup out as a tree, as restic does: "/a/b" lies at a/b in the snapshot, "x/y" at x/y,
 * "../z" at z, and "." is spread out. Relative paths start from `workingDirectory`, an absolute one. Failure `usage` where two paths would lie at the same place.
 */
export function backupRoots(paths: readonly ByteName[], workingDirectory: ByteName): BackupRoot[] {
  if (paths.length === 0) throw new Failure('usage', 'Cannot back up: no path was given, expected at least one')
  const roots = new Map<ByteName, MutableSelection>()
  const owners = new Map<ByteName, ByteName>()
  for (const path of paths) {
    const { root, names } = split(path)
    const first = names[0]
    const owner = first === undefined ? undefined : owners.get(first)
    if (owner !== undefined && owner !== root) {
      throw new Failure(
        'usage',
        `Cannot back up "${path}": its place "${first}" in the snapshot is taken by another path`,
        {
          facts: { hint: 'Name all paths from the root directory on.' },
        },
      )
    }
    if (first !== undefined) owners.set(first, root)
    roots.set(root, add(roots.get(root), names))
  }
  if (roots.size > 1 && [...roots.values()].includes('all')) {
    throw new Failure('usage', `Cannot back up ${paths.map((path) => `"${path}"`).join(' and ')} in one snapshot`, {
      facts: { hint: 'Name all paths from the root directory on.' },
    })
  }
  return [...roots].map(([path, selection]) => ({ path: posix.resolve(workingDirectory, path), selection }))
}

/** Names of a selection in the order of a tree. */
export function selectedNames(selection: ReadonlyMap<ByteName, Selection>): SelectedName[] {
  return [...selection]
    .map(([name, below]) => ({ name, isOnTheWay: below !== 'all' }))
    .sort((a, b) => compareNames(a.name, b.name))
}

type MutableSelection = 'all' | Map<ByteName, MutableSelection>

function add(selection: MutableSelection | undefined, names: readonly ByteName[]): MutableSelection {
  const [first, ...rest] = names
  if (first === undefined || selection === 'all') return 'all'
  const map = selection ?? new Map<ByteName, MutableSelection>()
  return map.set(first, add(map.get(first), rest))
}

/** Root directory of a path, and the names that lead from it to the path's end. */
function split(path: ByteName): { root: ByteName; names: ByteName[] } {
  if (path === '' || path.includes('\0')) {
    throw new Failure('usage', `Cannot back up ${JSON.stringify(path)}: expected a path of a file or a directory`)
  }
  const parts = posix
    .normalize(path)
    .split('/')
    .filter((part) => part !== '' && part !== '.')
  if (path.startsWith('/')) return { root: '/', names: parts }
  const ups = parts.filter((part) => part === '..').length // normalize() leaves these in front only.
  return { root: ups === 0 ? '.' : parts.slice(0, ups).join('/'), names: parts.slice(ups) }
}

import { posix } from 'node:path'
import type { ByteName } from '../../base/byte-name.ts'
import { compareNames } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import type { SelectedName } from './backup-job.ts'

/** What of a directory, or of another file, is backed up. */
export interface Selection {
  /** All of it, but for what the rules leave out. */
  readonly isWhole: boolean
  /** Entries that were named, or lead to what was named: they are backed up whatever the rules say. */
  readonly names: ReadonlyMap<ByteName, Selection>
}

/** All of it. */
export const wholeSelection: Selection = { isWhole: true, names: new Map() }

/** A directory that the paths of a backup start from, and what of it is backed up. */
export interface BackupRoot {
  readonly path: ByteName
  readonly selection: Selection
}

/**
 * Lays the paths of a backup out as a tree, as restic does: "/a/b" lies at a/b in the snapshot, "x/y" at x/y, "../z"
 * at z, and "." is spread out. Relative paths start from `workingDirectory`, an absolute one. Failure `usage` where
 * two paths would lie at the same place, to which restic would give other names, and where "." is not alone.
 */
export function backupRoots(paths: readonly ByteName[], workingDirectory: ByteName): BackupRoot[] {
  if (paths.length === 0) throw new Failure('usage', 'Cannot back up: no path was given, expected at least one')
  const roots = new Map<ByteName, MutableSelection>()
  const owners = new Map<ByteName, ByteName>()
  for (const path of paths) {
    const { root, names } = split(path, workingDirectory)
    const first = names[0]
    const owner = first === undefined ? undefined : owners.get(first)
    if (owner !== undefined && owner !== root) {
      throw new Failure(
        'usage',
        `Cannot back up "${path}": its place "${first}" in the snapshot is taken by another path`,
        { facts: { hint: namePathsInFull } },
      )
    }
    if (first !== undefined) owners.set(first, root)
    const selection = roots.get(root) ?? emptySelection()
    roots.set(root, selection)
    add(selection, names)
  }
  if (roots.size > 1 && [...roots.values()].some(({ isWhole }) => isWhole)) {
    throw new Failure('usage', `Cannot back up ${paths.map((path) => `"${path}"`).join(' and ')} in one snapshot`, {
      facts: { hint: namePathsInFull },
    })
  }
  return [...roots].map(([path, selection]) => ({ path, selection }))
}

/** The names of a selection in the order of a tree. */
export function selectedNames({ names }: Selection): SelectedName[] {
  return [...names]
    .map(([name, below]) => ({ name, isOnTheWay: below.names.size > 0 }))
    .sort((a, b) => compareNames(a.name, b.name))
}

interface MutableSelection extends Selection {
  isWhole: boolean
  readonly names: Map<ByteName, MutableSelection>
}

const namePathsInFull = 'Name all paths from the root directory on.'

function emptySelection(): MutableSelection {
  return { isWhole: false, names: new Map() }
}

function add(selection: MutableSelection, names: readonly ByteName[]): void {
  let below = selection
  for (const name of names) {
    const next = below.names.get(name) ?? emptySelection()
    below.names.set(name, next)
    below = next
  }
  below.isWhole = true
}

/** Root directory of a path, and the names that lead from it to the path's end. */
function split(path: ByteName, workingDirectory: ByteName): { root: ByteName; names: ByteName[] } {
  if (path === '' || path.includes('\0')) {
    throw new Failure('usage', `Cannot back up ${JSON.stringify(path)}: expected a path of a file or a directory`)
  }
  const parts = posix
    .normalize(path)
    .split('/')
    .filter((part) => part !== '' && part !== '.')
  if (path.startsWith('/')) return { root: '/', names: parts }
  const ups = parts.filter((part) => part === '..').length // normalize() leaves these in front only.
  return { root: posix.resolve(workingDirectory, ...parts.slice(0, ups)), names: parts.slice(ups) }
}

import {
  closeSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  unlinkSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { type ByteName, encodeName, printableName } from '../../base/byte-name.ts'
import { errorCode } from '../../base/error-code.ts'
import { errorMessage } from '../../base/error-message.ts'
import { Failure } from '../../base/failure.ts'

/** A folder that entries are restored into first: on their own file system, so that they can be renamed. Plain JSON. */
export interface TemporaryPlace {
  readonly folder: ByteName
  readonly entries: readonly ByteName[]
}

/** An entry that stands in production now. Plain JSON. */
export interface MovedFile {
  readonly path: ByteName
  /** What was there before; null where nothing was. */
  readonly oldPath: ByteName | null
  /** Whether at every moment either the old or the new stood in the place. */
  readonly atomic: boolean
}

/**
 * Where each entry is restored to first: the work folder where that is on the entry's file system, else a folder beside
 * the first of them.
 */
export function temporaryPlaces(
  entries: readonly ByteName[],
  { workFolder, id }: { readonly workFolder: string; readonly id: string },
): TemporaryPlace[] {
  mkdirSync(workFolder, { recursive: true, mode: 0o700 })
  const own = lstatSync(workFolder).dev
  const groups = Map.groupBy(entries, (path) => nearest(dirname(path)).device)
  return [...groups].map(([device, paths]) => ({
    folder:
      device === own
        ? join(workFolder, `file-restore-${id}`)
        : join(nearest(dirname(paths[0]!)).folder, `.zakops-${id}`),
    entries: paths,
  }))
}

/** The folder itself, or the nearest above it that is there. */
function nearest(folder: ByteName): { readonly folder: ByteName; readonly device: number } {
  const stat = statOf(folder)
  if (stat?.isDirectory() === true || folder === '/') return { folder, device: stat?.dev ?? 0 }
  return nearest(dirname(folder))
}

/**
 * Moves a restored entry into its place in production, and what was there aside to "<path>.zakops-<id>.old". May be run
 * twice.
 *
 * Order: an old file gets its second name, then the new one is renamed over it, which is the commit point: at every moment
 * one of them is there. A directory can not be renamed over: the old one goes aside, then the new one takes the place; a
 * crash in between leaves nothing in the place, and the same again ends it.
 */
export function moveIntoPlace({
  path,
  id,
  place,
}: {
  readonly path: ByteName
  readonly id: string
  readonly place: ByteName
}): MovedFile {
  const oldPath = `${path}.zakops-${id}.old`
  try {
    const restored = statOf(place)
    const before = statOf(path)
    const isAtomic = !(restored ?? before)!.isDirectory()
    if (restored !== undefined) {
      mkdirSync(encodeName(dirname(path)), { recursive: true })
      const isInOne = isAtomic && before !== undefined && !before.isDirectory()
      if (before !== undefined && statOf(oldPath) === undefined) {
        if (isInOne) linkSync(encodeName(path), encodeName(oldPath))
        else renameSync(encodeName(path), encodeName(oldPath))
      }
      renameSync(encodeName(place), encodeName(path))
      syncFolder(dirname(path))
    }
    const old = statOf(oldPath)
    return {
      path,
      oldPath: old === undefined ? null : oldPath,
      atomic: old === undefined || (isAtomic && !old.isDirectory()),
    }
  } catch (error) {
    throw moveFailure(path, error)
  }
}

/**
 * What stands in production by a move that did not end: where an old entry lies beside, or where the entry is gone from the
 * folder that it was restored into. Where that folder is gone as a whole, an entry without an old one beside it is left out.
 */
export function movedSoFar(places: readonly TemporaryPlace[], id: string): MovedFile[] {
  return places.flatMap(({ folder, entries }) => {
    const isThere = statOf(folder) !== undefined
    return entries.flatMap((path): MovedFile[] => {
      const oldPath = `${path}.zakops-${id}.old`
      if (statOf(oldPath) !== undefined) return [{ path, oldPath, atomic: false }]
      const isMoved = isThere && statOf(join(folder, path)) === undefined && statOf(path) !== undefined
      return isMoved ? [{ path, oldPath: null, atomic: false }] : []
    })
  })
}

/**
 * Removes what was restored and is not to come into production. May be run twice.
 *
 * Order: each folder gets another name first. A crash that left it in part would look as if entries had been moved.
 */
export function removePlaces(places: readonly Pick<TemporaryPlace, 'folder'>[]): void {
  for (const { folder } of places) {
    const goes = `${folder}.goes`
    if (statOf(goes) === undefined && statOf(folder) !== undefined) renameSync(encodeName(folder), encodeName(goes))
    for (const one of [goes, folder]) rmSync(encodeName(one), { recursive: true, force: true })
  }
}

/**
 * Puts back what was there before, and keeps what was restored as "<path>.zakops-…restored" beside it. Answers how many
 * entries it put back. May be run twice: what was put back before is left alone.
 */
export function putFilesBack(moved: readonly MovedFile[], id: string): number {
  let count = 0
  for (const { path, oldPath } of moved.toReversed()) {
    const restored = `${path}.zakops-${id}.restored`
    try {
      const isBack = oldPath === null ? statOf(restored) !== undefined : statOf(oldPath) === undefined
      if (isBack) continue
      if (oldPath !== null && isSameFile(path, oldPath)) {
        unlinkSync(encodeName(oldPath)) // It had got its second name, and nothing had come into its place yet.
      } else {
        if (statOf(path) !== undefined && statOf(restored) === undefined)
          renameSync(encodeName(path), encodeName(restored))
        if (oldPath !== null) renameSync(encodeName(oldPath), encodeName(path))
      }
      syncFolder(dirname(path))
      count += 1
    } catch (error) {
      throw moveFailure(path, error)
    }
  }
  return count
}

function isSameFile(path: ByteName, other: ByteName): boolean {
  const [a, b] = [statOf(path), statOf(other)]
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino
}

function moveFailure(path: ByteName, error: unknown): unknown {
  if (error instanceof Failure || errorCode(error) === undefined) return error
  return new Failure('target_failed', `Cannot move "${printableName(path)}" into place: ${errorMessage(error)}`, {
    cause: error,
  })
}

function statOf(path: ByteName): Stats | undefined {
  return lstatSync(encodeName(path), { throwIfNoEntry: false })
}

function syncFolder(path: ByteName): void {
  const fd = openSync(encodeName(path), 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

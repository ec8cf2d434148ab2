import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { errorCode } from '../../base/error-code.ts'
import { errorMessage } from '../../base/error-message.ts'
import { Failure } from '../../base/failure.ts'
import { requireUnusedDataFolder } from '../../sources/postgresql/data-folder-users.ts'

/** Where a run restores a data folder to before it takes the place of the old one; beside it, so that a rename is enough. */
export function newFolderPath(path: string, run: string): string {
  return `${path}.zakops-${run}.new`
}

/** Where the data folder is that a run replaced. */
export function oldFolderPath(path: string, run: string): string {
  return `${path}.zakops-${run}.old`
}

/** Failure `target_unsafe` where the folder can not be renamed because a file system is mounted there. */
export function requireRenamable(path: string): void {
  if (!existsSync(path) || statSync(path).dev === statSync(dirname(path)).dev) return
  throw new Failure('target_unsafe', `Cannot replace data folder "${path}": a file system is mounted there`, {
    facts: { hint: 'Let the data directory be a folder in that file system, as PostgreSQL itself advises' },
  })
}

/**
 * Puts the restored folder in the place of the old one, which stays beside. No server may have either in use. Answers where
 * the old one is, null where there was none. May be run twice.
 *
 * Order: the old one goes aside, then the new one comes. A crash in between leaves nothing in the place, on which no server
 * starts, and both beside: the same again ends it, and putOldFolderBack() undoes it.
 */
export function putFolderInPlace({ path, run }: { readonly path: string; readonly run: string }): string | null {
  const [restored, old] = [newFolderPath(path, run), oldFolderPath(path, run)]
  requireUnusedDataFolder(path)
  return renaming(path, () => {
    if (existsSync(restored)) {
      if (existsSync(path)) {
        if (existsSync(old)) throw appeared(path)
        renameSync(path, old)
        syncFolder(dirname(path))
      }
      renameSync(restored, path)
      syncFolder(dirname(path))
    } else if (!existsSync(path)) {
      throw new Failure('target_failed', `Cannot put a data folder into place: "${restored}" is gone`)
    }
    return existsSync(old) ? old : null
  })
}

/**
 * Puts the data folder back that a run replaced, and moves the restored one aside, where it stays. What was restored and never
 * came into the place is removed. No server may have it in use. Answers whether there was anything to put back; may be run twice.
 */
export function putOldFolderBack(request: {
  readonly path: string
  readonly run: string
  /** Whether there was one before the run. */
  readonly hadOld: boolean
  /** Whether the run began to put the restored one into place. */
  readonly isBegun: boolean
}): 'put back' | 'as it was' {
  const { path, run, hadOld, isBegun } = request
  const [unplaced, old, restored] = [
    newFolderPath(path, run),
    oldFolderPath(path, run),
    `${path}.zakops-${run}.restored`,
  ]
  return renaming(path, () => {
    const isPlaced = isBegun && !existsSync(unplaced) && !existsSync(restored)
    const isAway = existsSync(old)
    if (isAway || (!hadOld && isPlaced)) {
      requireUnusedDataFolder(path)
      if (existsSync(path)) {
        if (!isPlaced) throw appeared(path)
        renameSync(path, restored)
      }
      if (isAway) renameSync(old, path)
      syncFolder(dirname(path))
    }
    rmSync(unplaced, { recursive: true, force: true })
    return isAway || (!hadOld && isPlaced) ? 'put back' : 'as it was'
  })
}

/** Not ours: whoever made it may be using it. */
function appeared(path: string): Failure {
  return new Failure(
    'refused',
    `Cannot replace data folder "${path}": there is one again, which this run did not put there`,
    {
      facts: { hint: 'Look at it, and move it away yourself if it is not wanted' },
    },
  )
}

function renaming<Answer>(path: string, work: () => Answer): Answer {
  try {
    return work()
  } catch (error) {
    if (errorCode(error) === undefined || error instanceof Failure) throw error
    throw new Failure('target_failed', `Cannot replace data folder "${path}": ${errorMessage(error)}`, { cause: error })
  }
}

function syncFolder(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

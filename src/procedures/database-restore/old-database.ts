import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { errorCode } from '../../base/error-code.ts'
import { errorMessage } from '../../base/error-message.ts'
import { Failure } from '../../base/failure.ts'

/** Files that hold content of a database that is not in its main file yet. */
const contentSuffixes = ['-wal', '-journal'] as const

/** Where the database that a run replaced is: as restoreSqlite() names it. */
export function oldDatabasePath(path: string, run: string): string {
  return `${path}.zakops-${run}.old`
}

/**
 * Puts the database back that a run replaced, and moves the restored one aside, where it stays. Nobody may have either open.
 * Where the run found no database, the place is empty again. Answers whether there was anything to put back; may be run twice.
 *
 * Order: the restored one's logs go aside, then it itself, then the old one's logs come back, then the old one itself, which is
 * the commit point. A crash on the way leaves the old one whole, in the place or under its other name, and no
 * database ever stands beside a log of another. The same again ends it.
 */
export function putOldBack(request: {
  readonly path: string
  readonly run: string
  /** Whether there was one before: what the step of the run answered, or what it would find. */
  readonly hadOld: boolean
}): 'put back' | 'as it was' {
  const { path, run, hadOld } = request
  const old = oldDatabasePath(path, run)
  const restored = `${path}.zakops-${run}.restored`
  try {
    if (hadOld && !existsSync(old)) return 'as it was' // It was put back before, or never taken away.
    if (!hadOld && (!existsSync(path) || existsSync(restored))) return 'as it was'
    if (hadOld && isSameFile(old, path)) {
      rmSync(old) // The run was killed before the new one took the place: it has two names only.
      return 'as it was'
    }
    // Where nothing is in the place, a try that was killed has moved it already, and a log there is the old one's.
    if (existsSync(path)) {
      for (const suffix of contentSuffixes) {
        if (existsSync(`${path}${suffix}`)) renameSync(`${path}${suffix}`, `${restored}${suffix}`)
      }
      renameSync(path, restored)
    }
    rmSync(`${path}-shm`, { force: true })
    if (hadOld) {
      for (const suffix of contentSuffixes) {
        if (existsSync(`${old}${suffix}`)) renameSync(`${old}${suffix}`, `${path}${suffix}`)
      }
      syncFolder(dirname(path))
      renameSync(old, path)
    }
    syncFolder(dirname(path))
    return 'put back'
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    throw new Failure('target_failed', `Cannot put database "${path}" back: ${errorMessage(error)}`, { cause: error })
  }
}

function isSameFile(one: string, other: string): boolean {
  if (!existsSync(one) || !existsSync(other)) return false
  const [a, b] = [statSync(one), statSync(other)]
  return a.ino === b.ino && a.dev === b.dev
}

function syncFolder(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

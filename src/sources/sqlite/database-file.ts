import { type BigIntStats, lstatSync } from 'node:fs'
import { errorCode } from '../../base/error-code.ts'
import { errorMessage } from '../../base/error-message.ts'
import { Failure } from '../../base/failure.ts'

/** Files that belong to a database, beside it. */
export const sidecarSuffixes = ['-wal', '-journal', '-shm'] as const
export type SidecarSuffix = (typeof sidecarSuffixes)[number]

/** The state of one file; undefined where there is none. */
export function statOf(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true })
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined
    throw new Failure('source_unreadable', `Cannot look at "${path}": ${errorMessage(error)}`, { cause: error })
  }
}

/**
 * The database's file, of which only the state is looked at: to open and close it beside SQLite would drop the locks that
 * this process holds. Failures: `source_unreadable` where there is none, `database_unreadable` where it can be none.
 */
export function databaseFile(path: string): BigIntStats {
  const stat = statOf(path)
  if (stat === undefined) {
    throw new Failure('source_unreadable', `Cannot read database "${path}": there is no such file`)
  }
  const refuse = (found: string, hint: string): never => {
    throw new Failure('database_unreadable', `Cannot read database "${path}": ${found}`, { facts: { hint } })
  }
  if (stat.isSymbolicLink()) refuse('it is a symlink', 'Name the file that it leads to.')
  if (!stat.isFile()) refuse('it is no regular file', 'Name the file of the database.')
  if (stat.size === 0n) {
    refuse('it has no bytes, so there is no database in it yet', 'Back it up once its application has made its tables.')
  }
  return stat
}

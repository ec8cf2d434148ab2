import { errorMessage } from '../../base/error-message.ts'
import { Failure } from '../../base/failure.ts'

/** SQLite's primary result codes that mean something to a user. */
const busy = 5
const locked = 6
const readOnly = 8
const ioError = 10
const corrupt = 11
const full = 13
const cannotOpen = 14
const notADatabase = 26

/** The primary result code of an error of node:sqlite; undefined where it is none. */
export function sqliteCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined
}

/** The Failure that an error of SQLite stands for; other errors are answered as they are. */
export function sqliteFailure(error: unknown, path: string): unknown {
  const code = sqliteCode(error)
  if (code === undefined || error instanceof Failure) return error
  const { failure, found, hint } = meaningOf(code)
  const message = `Cannot read database "${path}": ${found ?? errorMessage(error)}`
  return new Failure(failure, message, { cause: error, ...(hint !== undefined && { facts: { hint } }) })
}

interface Meaning {
  readonly failure: 'database_unreadable' | 'database_busy' | 'storage_full'
  readonly found?: string
  readonly hint?: string
}

function meaningOf(code: number): Meaning {
  switch (code) {
    case notADatabase:
      return {
        failure: 'database_unreadable',
        found: 'it is no SQLite database, or it is encrypted',
        hint: 'An encrypted database can only be backed up by the program that has its key.',
      }
    case busy:
    case locked:
      return {
        failure: 'database_busy',
        found: 'another process holds it locked',
        hint: 'Look for a transaction that is left open, or for `locking_mode = EXCLUSIVE`.',
      }
    case readOnly:
    case cannotOpen:
      return {
        failure: 'database_unreadable',
        found: 'it can not be opened; a writer may have died and left a journal that is still to be rolled back',
        hint: 'Check that this user may read it and write beside it; where a "-journal" or "-wal" lies beside it, open it once with its own application.',
      }
    case corrupt:
      return { failure: 'database_unreadable' }
    case ioError:
      return { failure: 'database_unreadable' }
    case full:
      return { failure: 'storage_full' }
    default:
      return { failure: 'database_unreadable' }
  }
}

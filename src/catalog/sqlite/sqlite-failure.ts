import { errorCode } from '../../base/error-code.ts'
import { errorMessage } from '../../base/error-message.ts'
import { Failure } from '../../base/failure.ts'
import type { FailureCode } from '../../base/failure.ts'

/** SQLite's primary result codes (sqlite.org/rescode.html) and what they mean to whoever called the catalog. */
const codes: Readonly<Record<number, { readonly code: FailureCode; readonly found: string }>> = {
  1: { code: 'catalog_unreadable', found: 'it has not the tables of a catalog' },
  3: { code: 'storage_denied', found: 'access was refused' },
  5: { code: 'database_busy', found: 'another process kept it locked' },
  6: { code: 'database_busy', found: 'it is locked' },
  8: { code: 'storage_denied', found: 'it can not be written' },
  10: { code: 'storage_unreachable', found: 'the file system failed' },
  11: { code: 'catalog_unreadable', found: 'it is damaged' },
  13: { code: 'storage_full', found: 'there is no room left' },
  14: { code: 'storage_denied', found: 'it can not be opened' },
  26: { code: 'catalog_unreadable', found: 'it is no SQLite database' },
}

const systemCodes: Readonly<Record<string, FailureCode>> = {
  ENOSPC: 'storage_full',
  EDQUOT: 'storage_full',
  ENOENT: 'storage_denied',
  EACCES: 'storage_denied',
  EPERM: 'storage_denied',
  EROFS: 'storage_denied',
  ENOTDIR: 'storage_denied',
  EEXIST: 'storage_denied',
  EISDIR: 'storage_denied',
  EIO: 'storage_unreachable',
  ESTALE: 'storage_unreachable',
}

/** The failure that an error of SQLite or of the file system is; other errors pass as they are. */
export function sqliteFailure(error: unknown, doing: string, path: string): unknown {
  if (error instanceof Failure) return error
  const code = errorCode(error)
  const what = `Cannot ${doing} "${path}"`
  const system = code === undefined ? undefined : systemCodes[code]
  if (system !== undefined)
    return new Failure(system, `${what}: ${errorMessage(error)}`, { facts: { path }, cause: error })
  // What this program writes are safe integers; Node refuses to read others.
  if (code === 'ERR_OUT_OF_RANGE') {
    return new Failure('catalog_unreadable', `${what}: it holds a number out of range (${errorMessage(error)})`, {
      facts: { path },
      cause: error,
    })
  }
  if (code !== 'ERR_SQLITE_ERROR' || typeof error !== 'object' || error === null || !('errcode' in error)) return error
  // The low byte is the primary code, the rest says more of the same.
  const known = codes[Number(error.errcode) & 0xff]
  if (known === undefined) return error
  return new Failure(known.code, `${what}: ${known.found} (${errorMessage(error)})`, { facts: { path }, cause: error })
}

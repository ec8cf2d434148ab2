import { errorCode } from '../../base/error-code.ts'
import { errorMessage } from '../../base/error-message.ts'
import { Failure, type FailureCode, isFailure } from '../../base/failure.ts'

/** Primary result codes of SQLite. */
const codes: ReadonlyMap<number, FailureCode> = new Map([
  [3, 'storage_denied'], // PERM
  [5, 'database_busy'], // BUSY
  [6, 'database_busy'], // LOCKED
  [8, 'storage_denied'], // READONLY
  [10, 'storage_unreachable'], // IOERR
  [11, 'catalog_unreadable'], // CORRUPT
  [13, 'storage_full'], // FULL
  [14, 'storage_denied'], // CANTOPEN
  [26, 'catalog_unreadable'], // NOTADB
])

const systemCodes: ReadonlyMap<string, FailureCode> = new Map([
  ['EACCES', 'storage_denied'],
  ['EPERM', 'storage_denied'],
  ['EROFS', 'storage_denied'],
  ['ENOSPC', 'storage_full'],
  ['EDQUOT', 'storage_full'],
])

/** What a fault of the database of durable runs means. */
export function runsFailure(error: unknown, verb: string, path: string): Failure {
  if (isFailure(error)) return error
  const result = sqliteCode(error)
  const code = result === undefined ? systemCodes.get(errorCode(error) ?? '') : codes.get(result & 0xff)
  const facts = {
    path,
    hint: code === 'catalog_unreadable' ? 'Move the file aside: only runs that had not ended are in it' : undefined,
  }
  return new Failure(code ?? 'defect', `Cannot ${verb} the due runs in "${path}": ${errorMessage(error)}`, {
    facts,
    cause: error,
  })
}

/** OpenWorkflow wraps what SQLite throws while it opens the file. */
function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  if ('errcode' in error && typeof error.errcode === 'number') return error.errcode
  return sqliteCode(error.cause)
}

import { errorCode } from '../base/error-code.ts'
import { errorMessage } from '../base/error-message.ts'
import { Failure, type FailureCode } from '../base/failure.ts'

const codes: Readonly<Record<string, FailureCode>> = {
  ENOSPC: 'storage_full',
  EDQUOT: 'storage_full',
  EFBIG: 'storage_full',
  EACCES: 'storage_denied',
  EPERM: 'storage_denied',
  EROFS: 'storage_denied',
  ENOTDIR: 'storage_denied',
  EISDIR: 'storage_denied',
  ELOOP: 'storage_denied',
  EEXIST: 'refused',
}

/** The Failure for whatever a call on a file of the keyring threw. `doing` is "write key file". A Failure passes. */
export function fileTrouble(error: unknown, doing: string, path: string): Failure {
  if (error instanceof Failure) return error
  const code = errorCode(error)
  if (code === undefined || code.startsWith('ERR_')) {
    return new Failure('defect', `Cannot ${doing} "${path}": ${errorMessage(error)}`, { cause: error })
  }
  const found = code === 'EEXIST' ? 'there is something already' : errorMessage(error)
  return new Failure(codes[code] ?? 'storage_unreachable', `Cannot ${doing} "${path}": ${found}`, { cause: error })
}

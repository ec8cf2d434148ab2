import { errorCode } from '../../base/error-code.ts'
import { errorMessage } from '../../base/error-message.ts'
import { Failure } from '../../base/failure.ts'
import type { FailureCode } from '../../base/failure.ts'

interface Meaning {
  readonly code: FailureCode
  readonly found: string
  readonly hint?: string
}

/** What a system error of a file call says about the storage; each code that is not here is taken as passing. */
const meanings: Readonly<Record<string, Meaning>> = {
  ENOSPC: { code: 'storage_full', found: 'no room is left on its device' },
  EDQUOT: { code: 'storage_full', found: 'the quota of this user is used up' },
  EFBIG: {
    code: 'storage_full',
    found: 'the file would be larger than the file system or a limit of this process allows',
  },
  EACCES: { code: 'storage_denied', found: 'permission denied' },
  EPERM: { code: 'storage_denied', found: 'operation not permitted' },
  EROFS: { code: 'storage_denied', found: 'the file system is read-only', hint: 'Mount it for writing' },
  ENOENT: { code: 'storage_unreachable', found: 'a file or folder vanished under the work' },
  ENOTDIR: { code: 'storage_denied', found: 'a file is where a folder should be' },
  EEXIST: { code: 'storage_denied', found: 'a file is where a folder should be' },
  EISDIR: { code: 'storage_denied', found: 'a folder is where a file should be' },
  ELOOP: { code: 'storage_denied', found: 'a symbolic link leads to itself' },
  EIO: {
    code: 'storage_unreachable',
    found: 'the device failed to read or write',
    hint: 'If it happens again, look into the log of the kernel: the device may be failing',
  },
  EMFILE: {
    code: 'storage_unreachable',
    found: 'this process has too many open files',
    hint: 'Raise its limit (ulimit -n)',
  },
}

/**
 * The Failure for whatever a file call threw: `doing` is "write object", "list objects" …, `what` the name of it.
 * A Failure passes unchanged; what is no system error at all is a `defect`.
 */
export function localFailure(error: unknown, doing: string, what: string, storageName: string): Failure {
  if (error instanceof Failure) return error
  const systemCode = errorCode(error)
  const { code, found, hint } = meaningOf(error, systemCode)
  const suffix = systemCode === undefined ? '' : ` (${systemCode})`
  return new Failure(code, `Cannot ${doing} "${what}" in storage "${storageName}": ${found}${suffix}`, {
    facts: { objectName: what, storageName, systemCode, ...(hint === undefined ? {} : { hint }) },
    cause: error,
  })
}

function meaningOf(error: unknown, systemCode: string | undefined): Meaning {
  if (systemCode === undefined || systemCode.startsWith('ERR_')) return { code: 'defect', found: errorMessage(error) }
  return meanings[systemCode] ?? { code: 'storage_unreachable', found: errorMessage(error) }
}

/** The Failure of a storage whose own folder is absent: never made again by a write, since it may be a lost mount. */
export function folderMissing(folder: string, cause: unknown): Failure {
  return new Failure('repository_missing', `Cannot use storage "${folder}": the folder is not there`, {
    facts: { storageName: folder, hint: 'If it lies on a removable or network disk, mount that first' },
    cause,
  })
}

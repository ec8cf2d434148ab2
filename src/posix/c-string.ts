import { type ByteName, encodeName } from '../base/byte-name.ts'
import { SystemError } from './system-error.ts'
import { constants } from 'node:os'

/** Bytes that end with a NUL, as system calls want their paths and names. */
export type CString = Uint8Array

/** The name as a C string. SystemError EINVAL where the name holds a NUL, which no file name can. */
export function cString(name: ByteName): CString {
  const bytes = encodeName(name)
  if (bytes.includes(0)) throw new SystemError('c-string', constants.errno.EINVAL)
  const text = Buffer.allocUnsafeSlow(bytes.length + 1)
  text.set(bytes)
  text[bytes.length] = 0
  return text
}

/** The path of no name: with AT_EMPTY_PATH a call then means the descriptor itself. */
export const emptyCString: CString = Buffer.of(0)

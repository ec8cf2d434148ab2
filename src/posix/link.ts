import { type CString } from './c-string.ts'
import { checked, libc } from './libc.ts'
import { type ByteName, decodeName } from '../base/byte-name.ts'

/** PATH_MAX: no link target is longer on Linux. */
const targetBytesMax = 4096
// Used up before readLinkAt() returns.
const answer = Buffer.alloc(targetBytesMax)

/** Where the symlink of this name points to. Throws SystemError, EINVAL where it is no symlink. */
export function readLinkAt(dirFd: number, name: CString): ByteName {
  const length = checked('readlinkat', libc.readlinkat(dirFd, name, answer, targetBytesMax))
  return decodeName(answer.subarray(0, length))
}

/** Makes a symlink. Throws SystemError, EEXIST where the name is taken. */
export function makeSymlinkAt(target: CString, dirFd: number, name: CString): void {
  checked('symlinkat', libc.symlinkat(target, dirFd, name))
}

/** Gives a file a second name; of a symlink the symlink itself. Throws SystemError, EEXIST where the name is taken. */
export function makeHardLinkAt(fromFd: number, from: CString, toFd: number, to: CString): void {
  checked('linkat', libc.linkat(fromFd, from, toFd, to, 0))
}

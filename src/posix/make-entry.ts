import type { CString } from './c-string.ts'
import { checked, lastError, libc } from './libc.ts'
import { isSystemError } from './system-error.ts'

const atRemoveDirectory = 0x200

/** Makes a directory. Throws SystemError, EEXIST where the name is taken. */
export function makeDirectoryAt(dirFd: number, name: CString, mode: number): void {
  checked('mkdirat', libc.mkdirat(dirFd, name, mode))
}

/**
 * Makes a fifo or a device: `mode` is st_mode with its type, `device` is st_rdev. Throws SystemError, EEXIST where the
 * name is taken, EPERM where only root may.
 */
export function makeNodeAt(dirFd: number, name: CString, mode: number, device: number | bigint): void {
  checked('mknodat', libc.mknodat(dirFd, name, mode, device))
}

/** Renames within a file system; what has the new name is replaced at once. Throws SystemError. */
export function renameAt(fromFd: number, from: CString, toFd: number, to: CString): void {
  checked('renameat', libc.renameat(fromFd, from, toFd, to))
}

/**
 * Removes what has this name: a file, a symlink itself, or an empty directory. Nothing of the name is no error.
 * Throws SystemError, ENOTEMPTY for a directory that holds something.
 */
export function removeAt(dirFd: number, name: CString): void {
  if (libc.unlinkat(dirFd, name, 0) !== -1) return
  const error = lastError('unlinkat')
  if (isSystemError(error, 'ENOENT')) return
  if (!isSystemError(error, 'EISDIR')) throw error
  checked('unlinkat', libc.unlinkat(dirFd, name, atRemoveDirectory))
}

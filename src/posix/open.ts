import { constants as fileConstants } from 'node:fs'
import { constants } from 'node:os'
import type { CString } from './c-string.ts'
import { checked, lastError, libc } from './libc.ts'
import { isSystemError, SystemError } from './system-error.ts'

/** Flags of open(2). Their values differ between machines, so they come from Node; the last two are the same everywhere. */
export const openFlags = {
  read: fileConstants.O_RDONLY,
  write: fileConstants.O_WRONLY,
  readWrite: fileConstants.O_RDWR,
  create: fileConstants.O_CREAT,
  exclusive: fileConstants.O_EXCL,
  truncate: fileConstants.O_TRUNC,
  directory: fileConstants.O_DIRECTORY,
  /** Fails with ELOOP where the last part of the path is a symlink. */
  noFollow: fileConstants.O_NOFOLLOW,
  nonBlocking: fileConstants.O_NONBLOCK,
  /** Leaves the access time alone; EPERM for those who neither own the file nor are root. */
  noAccessTime: fileConstants.O_NOATIME,
  closeOnExec: 0o2000000,
  pathOnly: 0o10000000,
} as const

/** In place of a directory's descriptor: paths begin at the working directory. */
export const workingDirectory = -100

/**
 * Opens and answers a descriptor, which the caller closes. A path may be longer than the system takes at once.
 * Throws SystemError.
 */
export function openAt(dirFd: number, path: CString, flags: number, mode = 0): number {
  const fd = libc.openat(dirFd, path, flags | openFlags.closeOnExec, mode)
  if (fd !== -1) return fd
  const error = lastError('openat')
  if (!isSystemError(error, 'ENAMETOOLONG') || path.length <= pathBytesMax) throw error
  return openLongPath(dirFd, path, flags, mode)
}

/** PATH_MAX, with the NUL at the end. */
const pathBytesMax = 4096
const slash = 0x2f

/** Opens the directory that the first part of the path leads to, and the rest from there. */
function openLongPath(dirFd: number, path: CString, flags: number, mode: number): number {
  const cut = path.lastIndexOf(slash, pathBytesMax - 2)
  if (cut <= 0) throw new SystemError('openat', constants.errno.ENAMETOOLONG)
  const head = Uint8Array.from(path.subarray(0, cut + 1))
  head[cut] = 0
  const headFd = openAt(dirFd, head, openFlags.pathOnly | openFlags.directory)
  try {
    return openAt(headFd, path.subarray(cut + 1), flags, mode)
  } finally {
    close(headFd)
  }
}

/**
 * Closes a descriptor. Throws SystemError (EIO, ENOSPC, EDQUOT from file systems that write late); the descriptor is
 * gone all the same.
 */
export function close(fd: number): void {
  checked('close', libc.close(fd))
}

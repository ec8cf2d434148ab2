import { constants } from 'node:fs'
import type { CString } from './c-string.ts'
import { checked, libc } from './libc.ts'

/** Flags of open(2). Their values differ between machines, so they come from Node; the last two are the same everywhere. */
export const openFlags = {
  read: constants.O_RDONLY,
  write: constants.O_WRONLY,
  readWrite: constants.O_RDWR,
  create: constants.O_CREAT,
  exclusive: constants.O_EXCL,
  truncate: constants.O_TRUNC,
  directory: constants.O_DIRECTORY,
  /** Fails with ELOOP where the last part of the path is a symlink. */
  noFollow: constants.O_NOFOLLOW,
  nonBlocking: constants.O_NONBLOCK,
  /** Leaves the access time alone; EPERM for those who neither own the file nor are root. */
  noAccessTime: constants.O_NOATIME,
  closeOnExec: 0o2000000,
  pathOnly: 0o10000000,
} as const

/** In place of a directory's descriptor: paths begin at the working directory. */
export const workingDirectory = -100

/** Opens and answers a descriptor, which the caller closes. Throws SystemError. */
export function openAt(dirFd: number, path: CString, flags: number, mode = 0): number {
  return checked('openat', libc.openat(dirFd, path, flags | openFlags.closeOnExec, mode))
}

/**
 * Closes a descriptor. Throws SystemError (EIO, ENOSPC, EDQUOT from file systems that write late); the descriptor is
 * gone all the same.
 */
export function close(fd: number): void {
  checked('close', libc.close(fd))
}

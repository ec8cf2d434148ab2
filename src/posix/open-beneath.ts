import { constants } from 'node:os'
import type { ByteName } from '../base/byte-name.ts'
import { cString } from './c-string.ts'
import { lastError, libc } from './libc.ts'
import { close, openAt, openFlags } from './open.ts'
import { statOpen } from './stat.ts'
import { SystemError, isSystemError } from './system-error.ts'

/** Number of openat2(2), the same on every machine; the C library has no function for it. */
const systemCallOpenat2 = 437
const resolveNoMagicLinks = 0x02
const resolveNoSymlinks = 0x04
const resolveBeneath = 0x08
/** struct open_how: flags, mode and resolve, each of 64 bits. */
const howBytes = 24
/** A path is resolved again as often as this when a rename somewhere else on the machine disturbed it. */
const attemptsMax = 32
/** PATH_MAX, with the NUL at the end: longer paths are resolved in parts. */
const pathBytesMax = 4096

/**
 * Opens what a relative path names below an open directory, and nothing else: no part of the path may be a symlink or
 * "..", not even one that leads back. The path may be longer than the system takes at once. Answers a descriptor. Throws SystemError: ELOOP where a symlink is on the way or
 * at its end, EXDEV where the path would leave the directory.
 */
export function openBeneath(directoryFd: number, path: ByteName, flags: number, mode = 0): number {
  const name = cString(path)
  const how = Buffer.alloc(howBytes)
  how.writeBigUInt64LE(BigInt(flags | openFlags.closeOnExec), 0)
  how.writeBigUInt64LE(BigInt(flags & openFlags.create ? mode : 0), 8)
  how.writeBigUInt64LE(BigInt(resolveNoMagicLinks | resolveNoSymlinks | resolveBeneath), 16)
  for (let attempt = 1; ; attempt++) {
    const fd = libc.syscall4(systemCallOpenat2, directoryFd, name, how, howBytes)
    if (fd !== -1) return fd
    const error = lastError('openat2')
    if (isSystemError(error, 'EAGAIN') && attempt < attemptsMax) continue
    // Linux before 5.6, and sandboxes that do not know the call, refuse it whatever the path is.
    if (isSystemError(error, 'ENOSYS', 'EPERM')) return openStepwise(directoryFd, path, flags, mode)
    if (!isSystemError(error, 'ENAMETOOLONG') || name.length <= pathBytesMax) throw error
    return openLongBeneath(directoryFd, path, flags, mode)
  }
}

/** Opens the directory that the first half of the path leads to, and the rest from there: each half is below the directory. */
function openLongBeneath(directoryFd: number, path: ByteName, flags: number, mode: number): number {
  const cut = path.indexOf('/', path.length >> 1)
  if (cut < 0) throw new SystemError('openat2', constants.errno.ENAMETOOLONG)
  const headFd = openBeneath(directoryFd, path.slice(0, cut), openFlags.pathOnly | openFlags.directory)
  try {
    return openBeneath(headFd, path.slice(cut + 1), flags, mode)
  } finally {
    close(headFd)
  }
}

/** The same with the means of older systems: one directory after the other, none of them through a symlink. */
export function openStepwise(directoryFd: number, path: ByteName, flags: number, mode = 0): number {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (path.startsWith('/') || parts.includes('..')) throw new SystemError('openat', constants.errno.EXDEV)
  const last = parts.pop() ?? '.'
  let fd = directoryFd
  try {
    for (const part of parts) {
      const next = openPart(fd, part)
      if (fd !== directoryFd) close(fd)
      fd = next
    }
    return openAt(fd, cString(last), flags | openFlags.noFollow, mode)
  } finally {
    if (fd !== directoryFd) close(fd)
  }
}

/** For a symlink in the place of a directory the system says ENOTDIR; here it is ELOOP, as openat2(2) has it. */
function openPart(fd: number, part: ByteName): number {
  const partFd = openAt(fd, cString(part), openFlags.pathOnly | openFlags.noFollow)
  try {
    return openAt(partFd, cString('.'), openFlags.read | openFlags.directory)
  } catch (error) {
    if (!isSystemError(error, 'ENOTDIR') || statOpen(partFd).type !== 'symlink') throw error
    throw new SystemError('openat', constants.errno.ELOOP)
  } finally {
    close(partFd)
  }
}

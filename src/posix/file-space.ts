import { checked, lastError, libc } from './libc.ts'
import { isSystemError } from './system-error.ts'

const keepSize = 1
const punchHole = 2
const adviceDontNeed = 4

/** Makes the file exactly this long; what is added are zeros that take no room. Throws SystemError. */
export function setLength(fd: number, bytes: number): void {
  checked('ftruncate', libc.ftruncate(fd, bytes))
}

/** Sets room aside for the file without changing its length. A file system that can not is no error. Throws SystemError (ENOSPC). */
export function reserveSpace(fd: number, bytes: number): void {
  ignoringUnsupported(() => checked('fallocate', libc.fallocate(fd, keepSize, 0, bytes)))
}

/** Makes a part of the file zeros that take no room; false where the file system can not. Throws SystemError. */
export function makeHole(fd: number, offset: number, bytes: number): boolean {
  return ignoringUnsupported(() => checked('fallocate', libc.fallocate(fd, punchHole | keepSize, offset, bytes)))
}

/** Tells the system that these bytes of the file will not be wanted again soon. Only a hint: an error is no error. */
export function dropFromCache(fd: number, offset: number, bytes: number): void {
  libc.posixFadvise(fd, offset, bytes, adviceDontNeed)
}

const seekData = 3
const seekHole = 4

/**
 * The next stretch of the file from `offset` on that holds data, bytes; undefined where only a hole is left. The
 * whole rest of the file is data where the file system knows no holes. Moves the descriptor's position. Throws
 * SystemError.
 */
export function nextData(fd: number, offset: number): { readonly start: number; readonly end: number } | undefined {
  const start = libc.lseek(fd, offset, seekData)
  if (start === -1) {
    const error = lastError('lseek')
    if (error.code === 'ENXIO') return undefined
    throw error
  }
  return { start, end: checked('lseek', libc.lseek(fd, start, seekHole)) }
}

function ignoringUnsupported(call: () => void): boolean {
  try {
    call()
    return true
  } catch (error) {
    if (isSystemError(error, 'ENOTSUP', 'ENOSYS')) return false
    throw error
  }
}

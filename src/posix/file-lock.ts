import { checked, lastError, libc } from './libc.ts'
import { isSystemError } from './system-error.ts'

const lockShared = 1
const lockExclusive = 2
const lockNonBlocking = 4
const lockUnlock = 8

/**
 * Tries to take flock(2) on an open file; false where another open file holds one that does not go with it. The lock
 * goes with the descriptor: closing it, or the death of the process, gives it back. Never waits. Throws SystemError.
 */
export function tryLock(fd: number, kind: 'shared' | 'exclusive'): boolean {
  if (libc.flock(fd, (kind === 'shared' ? lockShared : lockExclusive) | lockNonBlocking) !== -1) return true
  const error = lastError('flock')
  if (isSystemError(error, 'EAGAIN')) return false
  throw error
}

/** Gives the lock back. Throws SystemError. */
export function unlock(fd: number): void {
  checked('flock', libc.flock(fd, lockUnlock))
}

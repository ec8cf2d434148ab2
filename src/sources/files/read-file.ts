import type { ByteName } from '../../base/byte-name.ts'
import { type CString, cString } from '../../posix/c-string.ts'
import { close, openAt, openFlags, workingDirectory } from '../../posix/open.ts'
import { type FileStat, statOpen } from '../../posix/stat.ts'
import { isSystemError } from '../../posix/system-error.ts'
import type { Gap } from './gap.ts'

/** A regular file that is open for reading, and its state at that moment: from here its node is made. */
export interface OpenFile {
  readonly fd: number
  readonly stat: FileStat
}

const quietFlags = openFlags.read | openFlags.noFollow | openFlags.nonBlocking | openFlags.noAccessTime

/**
 * Opens a regular file for reading, by a name in an open directory or by a path. A symlink is never followed, a fifo
 * never waited for, and the access time is left alone where the system lets us. Answers undefined where something
 * else than a regular file is there now. The caller closes the descriptor. Throws SystemError (see gapOfError()).
 */
export function openFile(name: ByteName | CString, directoryFd: number = workingDirectory): OpenFile | undefined {
  const fd = openForReading(name, directoryFd)
  try {
    const stat = statOpen(fd)
    if (stat.type === 'file') return { fd, stat }
  } catch (error) {
    close(fd)
    throw error
  }
  close(fd)
  return undefined
}

/**
 * The first half of openFile(), for a caller that knows the file's state from listing its directory, and saves a system
 * call by asking for it only after reading. What is open may be something else than a regular file.
 */
export function openForReading(name: ByteName | CString, directoryFd: number): number {
  return openQuietly(directoryFd, typeof name === 'string' ? cString(name) : name)
}

function openQuietly(directoryFd: number, name: CString): number {
  try {
    return openAt(directoryFd, name, quietFlags)
  } catch (error) {
    // EPERM: only the owner and root may leave the access time alone. EAGAIN: somebody holds a lease on the file
    // (Samba), which it gives back to those who wait. EACCES stays what it is.
    if (!isSystemError(error, 'EPERM', 'EAGAIN')) throw error
    const withoutWaiting = error.code === 'EPERM' ? openFlags.nonBlocking : 0
    return openAt(directoryFd, name, openFlags.read | openFlags.noFollow | withoutWaiting)
  }
}

/**
 * Asks, after the last byte was read, whether the file is still as it was when it was opened; the gap where it is not.
 * `bytesRead` is what was read of it: that differs from its size where it grew or shrank without a trace.
 */
export function changedWhileReading(file: OpenFile, path: ByteName, bytesRead: number): Gap | undefined {
  const now = statOpen(file.fd)
  const differences = describeChanges(file.stat, now)
  if (bytesRead !== file.stat.size && differences.length === 0) {
    differences.push(`size is ${file.stat.size} bytes, but ${bytesRead} bytes were read`)
  }
  if (differences.length === 0) return undefined
  return { path, reason: 'changed', detail: `while it was read: ${differences.join(', ')}` }
}

/** Whether two states of a file differ in anything that its content could have changed with. */
export function isSameState(before: FileStat, after: FileStat): boolean {
  return (
    before.size === after.size &&
    before.mtimeNanoseconds === after.mtimeNanoseconds &&
    before.ctimeNanoseconds === after.ctimeNanoseconds &&
    before.mtimeSeconds === after.mtimeSeconds &&
    before.ctimeSeconds === after.ctimeSeconds &&
    before.inode === after.inode &&
    before.deviceId === after.deviceId
  )
}

function describeChanges(before: FileStat, after: FileStat): string[] {
  if (isSameState(before, after)) return []
  const changes: string[] = []
  if (before.inode !== after.inode || before.deviceId !== after.deviceId) changes.push('it became another file')
  if (before.size !== after.size) changes.push(`its size went from ${before.size} to ${after.size} bytes`)
  if (before.mtimeSeconds !== after.mtimeSeconds || before.mtimeNanoseconds !== after.mtimeNanoseconds) {
    changes.push('it was written to')
  }
  return changes.length === 0 ? ['its metadata changed'] : changes
}

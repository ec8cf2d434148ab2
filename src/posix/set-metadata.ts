import { constants } from 'node:os'
import { type CString, emptyCString } from './c-string.ts'
import { checked, libc } from './libc.ts'
import { SystemError } from './system-error.ts'

const atSymlinkNoFollow = 0x100
const atEmptyPath = 0x1000

/** What is to be set: what a descriptor is open for, or a name in an open directory (a symlink itself). */
export type MetadataPlace = { readonly fd: number } | { readonly directoryFd: number; readonly name: CString }

/** The system reads the number above as "leave it", and would take a larger one for another user. */
const ownerMax = 0xffff_fffe

/** Sets owner and group; the system takes set-id bits and file capabilities away by this. Throws SystemError, EINVAL for no user's or group's number. */
export function setOwner(place: MetadataPlace, owner: { readonly uid: number; readonly gid: number }): void {
  if (owner.uid > ownerMax || owner.gid > ownerMax) throw new SystemError('fchownat', constants.errno.EINVAL)
  checked(
    'fchownat',
    'fd' in place
      ? libc.fchownat(place.fd, emptyCString, owner.uid, owner.gid, atEmptyPath)
      : libc.fchownat(place.directoryFd, place.name, owner.uid, owner.gid, atSymlinkNoFollow),
  )
}

/** Sets the twelve permission bits. Throws SystemError, ENOTSUP for a symlink, which has none. */
export function setPermissions(place: MetadataPlace, permissions: number): void {
  checked(
    'fchmod',
    'fd' in place
      ? libc.fchmod(place.fd, permissions)
      : libc.fchmodat(place.directoryFd, place.name, permissions, atSymlinkNoFollow),
  )
}

export interface FileTimes {
  readonly atimeSeconds: number
  readonly atimeNanoseconds: number
  readonly mtimeSeconds: number
  readonly mtimeNanoseconds: number
}

// struct timespec[2], filled and used up within one call.
const times = Buffer.alloc(32)
const timeFields = new BigInt64Array(times.buffer, times.byteOffset, 4)

/** Sets access and modification time to the nanosecond, as far as the file system keeps it. Throws SystemError. */
export function setTimes(place: MetadataPlace, wanted: FileTimes): void {
  timeFields[0] = BigInt(wanted.atimeSeconds)
  timeFields[1] = BigInt(wanted.atimeNanoseconds)
  timeFields[2] = BigInt(wanted.mtimeSeconds)
  timeFields[3] = BigInt(wanted.mtimeNanoseconds)
  checked(
    'utimensat',
    'fd' in place
      ? libc.futimens(place.fd, times)
      : libc.utimensat(place.directoryFd, place.name, times, atSymlinkNoFollow),
  )
}

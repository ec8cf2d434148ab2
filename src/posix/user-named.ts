import { cString } from './c-string.ts'
import { libc } from './libc.ts'

/** The numbers of a user and of its own group. */
export interface User {
  readonly uid: number
  readonly gid: number
}

/** struct passwd on 64-bit Linux: addresses of name and password, then uid and gid. */
const entryBytes = 128
const uidAt = 16
const gidAt = 20
const textBytes = 64 * 1024

/** The user of this name, undefined where the system knows none. */
export function userNamed(name: string): User | undefined {
  const entry = Buffer.alloc(entryBytes)
  const found = Buffer.alloc(8)
  const text = Buffer.alloc(textBytes)
  if (libc.getpwnamR(cString(name), entry, text, textBytes, found) !== 0) return undefined
  if (found.readBigUInt64LE() === 0n) return undefined
  return { uid: entry.readUInt32LE(uidAt), gid: entry.readUInt32LE(gidAt) }
}

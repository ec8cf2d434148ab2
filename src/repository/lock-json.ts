import { encodeGoString } from './go-json.ts'
import { JsonReader } from './json-reader.ts'

/** One object below "locks/": who works in the repository, and whether alone. */
export interface LockData {
  /** When it was made or last refreshed, RFC 3339. */
  readonly time: string
  readonly exclusive: boolean
  readonly hostname: string
  readonly username: string
  readonly pid: number
  readonly uid: number
  readonly gid: number
}

export function encodeLock(lock: LockData): Buffer {
  const hostname = encodeGoString(lock.hostname)
  const username = encodeGoString(lock.username)
  const uid = lock.uid === 0 ? '' : `,"uid":${lock.uid}`
  const gid = lock.gid === 0 ? '' : `,"gid":${lock.gid}`
  return Buffer.from(
    `{"time":"${lock.time}","exclusive":${lock.exclusive},"hostname":${hostname},"username":${username},"pid":${lock.pid}${uid}${gid}}`,
  )
}

export function decodeLock(bytes: Uint8Array, what: string): LockData {
  const reader = JsonReader.parse(bytes, what)
  return {
    time: reader.time('time'),
    exclusive: reader.flag('exclusive'),
    hostname: reader.text('hostname'),
    username: reader.text('username'),
    pid: reader.count('pid'),
    uid: reader.count('uid'),
    gid: reader.count('gid'),
  }
}

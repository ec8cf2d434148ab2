import { encodeGoBytes, encodeGoString } from './go-json.ts'
import { JsonReader } from './json-reader.ts'

/** One object below "keys/": the master key, sealed under a key that scrypt makes of a password. */
export interface KeyFile {
  /** RFC 3339. */
  readonly created: string
  readonly username: string
  readonly hostname: string
  /** scrypt's cost; a power of two. */
  readonly N: number
  readonly r: number
  readonly p: number
  readonly salt: Uint8Array
  /** The sealed JSON of the master key (see master-key-json.ts). */
  readonly data: Uint8Array
}

/** Memory that scrypt may ask for, bytes: a planted key file must not exhaust the machine. restic itself uses 60 MiB at most. */
export const scryptBytesMax = 1024 * 1024 * 1024

const saltBytes = 64

export function encodeKeyFile(key: KeyFile): Buffer {
  return Buffer.from(
    `{"created":"${key.created}","username":${encodeGoString(key.username)},"hostname":${encodeGoString(key.hostname)}` +
      `,"kdf":"scrypt","N":${key.N},"r":${key.r},"p":${key.p}` +
      `,"salt":${encodeGoBytes(key.salt)},"data":${encodeGoBytes(key.data)}}`,
  )
}

/** The costs are checked, so that scrypt may be run with them. */
export function decodeKeyFile(bytes: Uint8Array, what: string): KeyFile {
  const reader = JsonReader.parse(bytes, what)
  if (reader.text('kdf') !== 'scrypt') throw reader.unexpected('kdf', '"scrypt"')
  const N = reader.count('N')
  const r = reader.count('r')
  const p = reader.count('p')
  if (N < 2 || !Number.isInteger(Math.log2(N))) throw reader.unexpected('N', 'a power of two')
  if (r < 1 || 128 * N * r > scryptBytesMax) throw reader.unexpected('r', `128 x N x r of at most ${scryptBytesMax}`)
  if (p < 1 || p * r >= 2 ** 20) throw reader.unexpected('p', 'p x r below 2^20')
  const salt = reader.bytes('salt')
  if (salt.length !== saltBytes) throw reader.unexpected('salt', `${saltBytes} bytes`)
  return {
    created: reader.time('created'),
    username: reader.text('username'),
    hostname: reader.text('hostname'),
    N,
    r,
    p,
    salt,
    data: reader.bytes('data'),
  }
}

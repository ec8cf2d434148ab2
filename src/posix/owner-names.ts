import { decodeName } from '../base/byte-name.ts'
import { koffi } from './koffi.ts'
import { libc } from './libc.ts'

/** struct passwd and struct group both begin with the address of the name and fit into this. */
const entryBytes = 128
const textBytes = 64 * 1024

/** Names of users and groups by their numbers, each asked of the system once. */
export class OwnerNames {
  readonly #users = new Map<number, string>()
  readonly #groups = new Map<number, string>()

  /** The name of the user, '' where the system knows none. */
  user(uid: number): string {
    return cached(this.#users, uid, libc.getpwuidR)
  }

  /** The name of the group, '' where the system knows none. */
  group(gid: number): string {
    return cached(this.#groups, gid, libc.getgrgidR)
  }
}

function cached(names: Map<number, string>, number: number, ask: typeof libc.getpwuidR): string {
  let name = names.get(number)
  if (name === undefined) {
    name = askSystem(number, ask)
    names.set(number, name)
  }
  return name
}

/** An answer that can not be had (no entry, a directory service that is down) is no name, as for restic. */
function askSystem(number: number, ask: typeof libc.getpwuidR): string {
  const entry = Buffer.alloc(entryBytes)
  const text = Buffer.alloc(textBytes)
  const found = Buffer.alloc(8)
  if (ask(number, entry, text, textBytes, found) !== 0 || found.readBigUInt64LE() === 0n) return ''
  // The name lies in `text`, somewhere.
  const start = Number(entry.readBigUInt64LE() - koffi().address(text))
  return decodeName(text.subarray(start, text.indexOf(0, start)))
}

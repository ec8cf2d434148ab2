import { scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { Failure } from '../base/failure.ts'
import type { RandomBytes } from '../base/random.ts'
import { KernelMemory } from '../kernels/kernel-memory.ts'
import { type MasterKey, openBytes, sealBytes } from '../kernels/seal.ts'
import type { KeyFile } from './key-file.ts'
import { decodeMasterKey, encodeMasterKey } from './master-key-json.ts'

/** Costs of scrypt. */
export interface ScryptCost {
  readonly N: number
  readonly r: number
  readonly p: number
}

/**
 * One of the sets that OWASP's Password Storage Cheat Sheet holds equal (the others need more memory and fewer
 * passes): 32 MiB and about a third of a second. restic calibrates to half a second and at most 60 MiB.
 */
export const defaultScryptCost: ScryptCost = { N: 2 ** 15, r: 8, p: 3 }

const saltBytes = 64
const runScrypt = promisify<string, Uint8Array, number, object, Buffer>(scrypt)

/** Seals a master key under a password. */
export async function sealMasterKey(
  key: MasterKey,
  options: { readonly password: string; readonly cost: ScryptCost; readonly random: RandomBytes },
): Promise<Pick<KeyFile, 'N' | 'r' | 'p' | 'salt' | 'data'>> {
  const { password, random } = options
  const { N, r, p } = options.cost
  const salt = random(saltBytes)
  const userKey = await deriveUserKey(password, { N, r, p, salt })
  const data = sealBytes(new KernelMemory({ regionBytes: 4096 }), userKey, encodeMasterKey(key), random(16))
  return { N, r, p, salt, data }
}

/** The master key that a key file holds; undefined where the password is not that key's. */
export async function openMasterKey(file: KeyFile, password: string): Promise<MasterKey | undefined> {
  const userKey = await deriveUserKey(password, file)
  let json: Uint8Array
  try {
    json = openBytes(new KernelMemory({ regionBytes: 4096 }), userKey, file.data)
  } catch (error) {
    if (error instanceof Failure && error.code === 'repository_damaged') return undefined
    throw error
  }
  return decodeMasterKey(json)
}

/** A new master key. */
export function randomMasterKey(random: RandomBytes): MasterKey {
  return { encrypt: random(32), macK: random(16), macR: maskR(Buffer.from(random(16))) }
}

/** The bits of r that Poly1305 ignores are stored clear, as restic does. */
function maskR(r: Buffer): Buffer {
  for (const at of [3, 7, 11, 15]) r[at]! &= 0x0f
  for (const at of [4, 8, 12]) r[at]! &= 0xfc
  return r
}

/** Runs scrypt in the thread pool. */
async function deriveUserKey(password: string, file: Pick<KeyFile, 'N' | 'r' | 'p' | 'salt'>): Promise<MasterKey> {
  const { N, r, p, salt } = file
  const maxmem = 128 * N * r + 128 * r * p + 1024 * 1024
  const bytes = await runScrypt(password, salt, 64, { N, r, p, maxmem })
  return { encrypt: bytes.subarray(0, 32), macK: bytes.subarray(32, 48), macR: bytes.subarray(48, 64) }
}

import { Failure } from '../base/failure.ts'
import { toHex } from '../base/hex.ts'
import { KernelMemory } from '../kernels/kernel-memory.ts'
import { type MasterKey, sealBytes } from '../kernels/seal.ts'
import type { Storage } from '../storage/storage.ts'
import { randomChunkerPolynomial } from './chunker-polynomial.ts'
import { encodeConfig, type RepositoryVersion } from './config.ts'
import { randomMasterKey } from './key-derivation.ts'
import { type KeyOrigin, storeKey } from './keys.ts'
import { configName } from './object-kind.ts'
import { Repository } from './repository.ts'

/**
 * A new repository gets a key for the password; with a master key handed in and no password, none: then whoever
 * holds the master key opens it, and nothing in the storage does.
 */
export interface InitOptions extends KeyOrigin {
  readonly storage: Storage
  readonly version: RepositoryVersion
  readonly password?: string
  readonly masterKey?: MasterKey
  /** restic's chunker polynomial, to be like that of another repository; random where it is not given. */
  readonly chunkerPolynomial?: bigint
}

/**
 * Makes a repository in an empty storage; Failure `repository_exists` where there is one, or the rest of one.
 *
 * The key goes first, then the config, which is the commit point: without it there is no repository. A crash
 * between the two leaves a key and no config; the next init refuses it and says what to remove.
 */
export async function initRepository(options: InitOptions, signal: AbortSignal): Promise<Repository> {
  const { storage, version, password, random } = options
  if (password === undefined && options.masterKey === undefined) {
    throw new Failure('usage', 'Cannot make a repository: neither a password nor a master key is given')
  }
  await requireEmpty(storage, signal)
  const key = options.masterKey ?? randomMasterKey(random)
  const chunkerPolynomial = options.chunkerPolynomial ?? randomChunkerPolynomial(random)
  const config = { version, id: toHex(random(32)), chunkerPolynomial }
  const sealed = sealBytes(new KernelMemory({ regionBytes: 4096 }), key, encodeConfig(config), random(16))
  const keyId = password === undefined ? undefined : await storeKey(storage, key, { ...options, password }, signal)
  const outcome = await storage.put(configName, sealed, { whenPresent: 'keep' }, signal)
  if (outcome === 'exists') throw exists(storage, 'another process has just made one')
  return new Repository({ storage, config, key, keyId, random })
}

async function requireEmpty(storage: Storage, signal: AbortSignal): Promise<void> {
  if ((await storage.size(configName, signal)) !== undefined) throw exists(storage, 'it has an object "config"')
  // Without its config a repository looks absent; to write a new one over its rest would lose it for good.
  for (const folder of ['keys/', 'snapshots/', 'index/', 'data/']) {
    for await (const { objectName } of storage.list(folder, signal)) {
      throw exists(storage, `it has no "config", but an object "${objectName}"`, {
        hint: 'If nothing in it is needed, empty the place first; if the config was lost, heal it from a mirror',
      })
    }
  }
}

function exists(storage: Storage, found: string, facts: { readonly hint?: string } = {}): Failure {
  return new Failure('repository_exists', `Cannot make a repository in "${storage.name}": ${found}`, { facts })
}

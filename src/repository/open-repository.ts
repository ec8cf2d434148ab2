import { Failure, isFailure } from '../base/failure.ts'
import type { RandomBytes } from '../base/random.ts'
import { KernelMemory } from '../kernels/kernel-memory.ts'
import { type MasterKey, openBytes } from '../kernels/seal.ts'
import type { Id } from '../model/id.ts'
import type { Storage } from '../storage/storage.ts'
import { isIrreducible } from './chunker-polynomial.ts'
import { decodeConfig, type RepositoryConfig } from './config.ts'
import { findKey } from './keys.ts'
import { configName } from './object-kind.ts'
import { Repository } from './repository.ts'

/** What opens a repository: a password of one of its keys, or the master key itself where it keeps no keys. */
export type RepositoryAccess =
  | { readonly password: string /** Beginning of the id of the key to try first. */; readonly keyHint?: string }
  | { readonly masterKey: MasterKey }

export type OpenOptions = RepositoryAccess & { readonly storage: Storage; readonly random: RandomBytes }

/**
 * Opens a repository. The index is not read yet. Failures: `repository_missing`, `key_wrong`,
 * `repository_damaged` (config), `repository_unsupported` (a later format).
 */
export async function openRepository(options: OpenOptions, signal: AbortSignal): Promise<Repository> {
  const { storage, random } = options
  const sealed = await readSealedConfig(storage, signal)
  const { key, keyId } = await findMasterKey(options, signal)
  return new Repository({ storage, config: openConfig(sealed, key, keyId, storage.name), key, keyId, random })
}

async function findMasterKey(
  options: OpenOptions,
  signal: AbortSignal,
): Promise<{ readonly key: MasterKey; readonly keyId: Id | undefined }> {
  if ('masterKey' in options) return { key: options.masterKey, keyId: undefined }
  const { id, key } = await findKey(options.storage, options, signal)
  return { key, keyId: id }
}

async function readSealedConfig(storage: Storage, signal: AbortSignal): Promise<Uint8Array> {
  try {
    return await storage.get(configName, {}, signal)
  } catch (error) {
    if (!isFailure(error, 'object_missing')) throw error
    const message = `Cannot open repository "${storage.name}": it has no object "config"`
    throw new Failure('repository_missing', message, { cause: error })
  }
}

/** The config has no hash for its name; its seal tells whether it is damaged. */
function openConfig(sealed: Uint8Array, key: MasterKey, keyId: Id | undefined, storageName: string): RepositoryConfig {
  let json: Uint8Array
  try {
    json = openBytes(new KernelMemory({ regionBytes: 4096 }), key, sealed)
  } catch (error) {
    if (!isFailure(error, 'repository_damaged')) throw error
    if (keyId === undefined) {
      const message = `Cannot open repository "${storageName}": the master key does not open its config`
      throw new Failure('key_wrong', message, {
        facts: { hint: 'If the key is right for sure, the config is damaged: heal it from a mirror' },
        cause: error,
      })
    }
    throw new Failure('repository_damaged', `Cannot open repository "${storageName}": the seal of "config" is broken`, {
      facts: { objectName: configName, hint: `Or key "${keyId}" holds the master key of another repository` },
      cause: error,
    })
  }
  const config = decodeConfig(json)
  if (!isIrreducible(config.chunkerPolynomial)) {
    // Our chunker does not use it, but the seal was right, so somebody wrote this: restic would refuse it too.
    throw new Failure(
      'repository_damaged',
      `Cannot open repository "${storageName}": its chunker polynomial is reducible`,
    )
  }
  return config
}

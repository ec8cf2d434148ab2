import { hash } from 'node:crypto'
import { throwIfStopped } from '../base/abort.ts'
import type { Clock } from '../base/clock.ts'
import { Failure, isFailure } from '../base/failure.ts'
import type { RandomBytes } from '../base/random.ts'
import type { MasterKey } from '../kernels/seal.ts'
import { formatGoDate } from '../model/go-time.ts'
import type { Id } from '../model/id.ts'
import type { Storage } from '../storage/storage.ts'
import { decodeKeyFile, encodeKeyFile, type KeyFile } from './key-file.ts'
import { defaultScryptCost, openMasterKey, type ScryptCost, sealMasterKey } from './key-derivation.ts'
import { describeObject, objectNameOf, parseObjectName } from './object-kind.ts'
import type { Repository } from './repository.ts'

/** One way to open a repository: the master key under a password. */
export interface KeyInformation {
  readonly id: Id
  /** The repository was opened with this one. */
  readonly isCurrent: boolean
  readonly username: string
  readonly hostname: string
  /** RFC 3339. */
  readonly created: string
}

/** Who makes a key, when, and how hard it shall be to guess. */
export interface KeyOrigin {
  readonly hostname: string
  readonly username: string
  readonly clock: Pick<Clock, 'now'>
  readonly random: RandomBytes
  readonly cost?: ScryptCost
}

/** restic tries no more keys either: each costs a part of a second. */
const keysMax = 20

/** Stores the master key under a password and answers the new key's name. The storage must hold a repository. */
export async function storeKey(
  storage: Pick<Storage, 'put'>,
  key: MasterKey,
  origin: KeyOrigin & { readonly password: string },
  signal: AbortSignal,
): Promise<Id> {
  const { password, hostname, username, random, clock, cost = defaultScryptCost } = origin
  if (password === '') throw new Failure('usage', 'Cannot add a key: the password is empty')
  const sealed = await sealMasterKey(key, { password, cost, random })
  throwIfStopped(signal)
  const bytes = encodeKeyFile({ created: formatGoDate(clock.now()), username, hostname, ...sealed })
  const id = hash('sha256', bytes)
  await storage.put(objectNameOf('keys', id), bytes, { whenPresent: 'keep' }, signal)
  return id
}

/**
 * Finds the key that this password opens: the hinted one first (the beginning of an id), then the others in the
 * storage's order. Failure `key_wrong` where there is none.
 */
export async function findKey(
  storage: Pick<Storage, 'list' | 'get' | 'name'>,
  access: { readonly password: string; readonly keyHint?: string },
  signal: AbortSignal,
): Promise<{ readonly id: Id; readonly key: MasterKey }> {
  const ids = await listKeyIds(storage, signal)
  const hint = access.keyHint
  if (hint) ids.sort((a, b) => Number(b.startsWith(hint)) - Number(a.startsWith(hint)))
  let damage: unknown
  for (const id of ids.slice(0, keysMax)) {
    throwIfStopped(signal)
    try {
      const key = await openMasterKey(await readKeyFile(storage, id, signal), access.password)
      if (key !== undefined) return { id, key }
    } catch (error) {
      // One damaged key must not keep the owner of another one out; it is the cause when no other opens.
      if (!isFailure(error, 'repository_damaged') && !isFailure(error, 'object_missing')) throw error
      damage = error
    }
  }
  const found =
    ids.length === 0
      ? 'there is no key in it'
      : `the password opens none of its ${ids.length} keys${ids.length > keysMax ? ` (${keysMax} were tried)` : ''}`
  const hintText = damage === undefined ? undefined : 'At least one key is damaged; heal it from a mirror'
  throw new Failure('key_wrong', `Cannot open repository "${storage.name}": ${found}`, {
    facts: { hint: hintText },
    cause: damage,
  })
}

/** Every key of the repository; those that can not be read are left out and told to `onDamaged`. */
export async function listKeys(
  repository: Pick<Repository, 'storage' | 'keyId'>,
  signal: AbortSignal,
  options: { readonly onDamaged?: (id: Id, failure: Failure) => void } = {},
): Promise<KeyInformation[]> {
  const keys: KeyInformation[] = []
  for (const id of await listKeyIds(repository.storage, signal)) {
    try {
      const { username, hostname, created } = await readKeyFile(repository.storage, id, signal)
      keys.push({ id, isCurrent: id === repository.keyId, username, hostname, created })
    } catch (error) {
      if (options.onDamaged === undefined || !isFailure(error, 'repository_damaged')) throw error
      options.onDamaged(id, error)
    }
  }
  return keys.sort((a, b) => (a.created < b.created ? -1 : 1))
}

/** Adds a password. Answers the new key's name once it was read back and opened. */
export async function addKey(
  repository: Pick<Repository, 'storage' | 'key'>,
  origin: KeyOrigin & { readonly password: string },
  signal: AbortSignal,
): Promise<Id> {
  const { storage, key } = repository
  const id = await storeKey(storage, key, origin, signal)
  const reread = await openMasterKey(await readKeyFile(storage, id, signal), origin.password)
  if (reread === undefined || Buffer.compare(reread.encrypt, key.encrypt) !== 0) {
    await storage.remove(objectNameOf('keys', id), signal)
    throw new Failure('defect', `Cannot add ${describeObject('keys', id)}: it does not open with its password`)
  }
  return id
}

/** Removes a key, never the one that the repository was opened with. */
export async function removeKey(
  repository: Pick<Repository, 'storage' | 'keyId'>,
  id: Id,
  signal: AbortSignal,
): Promise<void> {
  if (id === repository.keyId) {
    throw new Failure('usage', `Cannot remove ${describeObject('keys', id)}: the repository is open with it`, {
      facts: { hint: 'Open the repository with another key, or change the password with `key passwd`' },
    })
  }
  const objectName = objectNameOf('keys', id)
  if ((await repository.storage.size(objectName, signal)) === undefined) {
    throw new Failure('usage', `Cannot remove ${describeObject('keys', id)}: there is no such key`)
  }
  await repository.storage.remove(objectName, signal)
}

/**
 * Replaces the key in use by one with another password; answers the new key's name.
 * The new key goes first, and has been read back before the old one is removed. A crash in between leaves both;
 * the old password still opens the repository then, and `key remove` takes it away.
 */
export async function changePassword(
  repository: Pick<Repository, 'storage' | 'key' | 'keyId'>,
  origin: KeyOrigin & { readonly password: string },
  signal: AbortSignal,
): Promise<Id> {
  const { keyId, storage } = repository
  if (keyId === undefined) {
    throw new Failure('usage', 'Cannot change the password: the repository was opened with its master key', {
      facts: { hint: 'Use `key add`, or open the repository with the password that is to be replaced' },
    })
  }
  const id = await addKey(repository, origin, signal)
  await storage.remove(objectNameOf('keys', keyId), signal)
  return id
}

/** The one key whose id begins so. Failure `usage` where none or several do. */
export async function resolveKeyId(storage: Pick<Storage, 'list'>, prefix: string, signal: AbortSignal): Promise<Id> {
  const [id, ...others] = (await listKeyIds(storage, signal)).filter((known) => known.startsWith(prefix))
  if (id !== undefined && others.length === 0) return id
  const found = id === undefined ? 'no key begins so' : `${others.length + 1} keys begin so`
  throw new Failure('usage', `Cannot find key "${prefix}": ${found}`)
}

async function listKeyIds(storage: Pick<Storage, 'list'>, signal: AbortSignal): Promise<Id[]> {
  const ids: Id[] = []
  for await (const { objectName } of storage.list('keys/', signal)) {
    const parsed = parseObjectName(objectName)
    if (parsed !== undefined) ids.push(parsed.id)
  }
  return ids
}

async function readKeyFile(storage: Pick<Storage, 'get'>, id: Id, signal: AbortSignal): Promise<KeyFile> {
  const bytes = await storage.get(objectNameOf('keys', id), {}, signal)
  const what = describeObject('keys', id)
  if (hash('sha256', bytes) !== id) {
    throw new Failure('repository_damaged', `Cannot read ${what}: the SHA-256 of its bytes is not its name`)
  }
  return decodeKeyFile(bytes, what)
}

import { readFile } from 'node:fs/promises'
import { errorCode } from '../../base/error-code.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import type { MasterKey } from '../../kernels/seal.ts'
import { decodeMasterKey } from '../../repository/master-key-json.ts'
import { configName } from '../../repository/object-kind.ts'
import { type OpenOptions, openRepository } from '../../repository/open-repository.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Storage } from '../../storage/storage.ts'
import type { CommandContext } from '../command-entry.ts'
import { askPassword } from './ask-password.ts'
import { givenPassword } from './password.ts'

/** How often somebody at a terminal may mistype the password. */
const passwordTrialsMax = 3

/** Opens the repository in a storage with what the options give, or with a password that the user types. */
export async function accessRepository(storage: Storage, context: CommandContext): Promise<Repository> {
  const { globals, world, output, signal } = context
  const { random } = world
  if (globals.masterKeyFile !== undefined) {
    const masterKey = await readMasterKey(globals.masterKeyFile, signal)
    return await openExisting({ storage, random, masterKey }, signal)
  }
  const hint = globals.keyHint === undefined ? {} : { keyHint: globals.keyHint }
  const given = await givenPassword(globals, signal)
  if (given !== undefined) return await openExisting({ storage, random, password: given, ...hint }, signal)
  // Nobody should type a password for a place where there is nothing.
  await requireConfig(storage, signal)
  for (let trial = 1; ; trial++) {
    const password = await askPassword(`password for repository "${storage.name}"`, world)
    try {
      return await openExisting({ storage, random, password, ...hint }, signal)
    } catch (error) {
      if (trial === passwordTrialsMax || !isFailure(error, 'key_wrong')) throw error
      output.aside('no key opens with this password, try again')
    }
  }
}

/** The master key in a file, as `restic cat masterkey` prints it. */
export async function readMasterKey(path: string, signal: AbortSignal): Promise<MasterKey> {
  let bytes: Buffer
  try {
    bytes = await readFile(path, { signal })
  } catch (cause) {
    const found = errorCode(cause) === 'ENOENT' ? 'there is no such file' : 'it can not be read'
    throw new Failure('usage', `Cannot read master key file "${path}": ${found}`, { cause })
  }
  return decodeMasterKey(bytes)
}

async function openExisting(options: OpenOptions, signal: AbortSignal): Promise<Repository> {
  try {
    return await openRepository(options, signal)
  } catch (error) {
    throw isFailure(error, 'repository_missing') ? await withoutConfig(options.storage, error, signal) : error
  }
}

async function requireConfig(storage: Storage, signal: AbortSignal): Promise<void> {
  if ((await storage.size(configName, signal)) === undefined) throw await withoutConfig(storage, undefined, signal)
}

/** A place without a config is no repository, unless it holds other objects of one: then the config was lost. */
async function withoutConfig(storage: Storage, cause: unknown, signal: AbortSignal): Promise<Failure> {
  const message = `Cannot open repository "${storage.name}": it has no object "${configName}"`
  for (const folder of ['snapshots/', 'index/', 'data/']) {
    if (await isEmpty(storage, folder, signal)) continue
    const hint = 'Its other objects are there: `heal --from <mirror>` brings the config back'
    return new Failure('repository_damaged', `${message}, but others`, {
      facts: { objectName: configName, hint },
      cause,
    })
  }
  return new Failure('repository_missing', message)
}

async function isEmpty(storage: Storage, folder: string, signal: AbortSignal): Promise<boolean> {
  for await (const _ of storage.list(folder, signal)) return false
  return true
}

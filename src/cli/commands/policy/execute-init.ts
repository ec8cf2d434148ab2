import { link, lstat, mkdir, readFile, rmdir, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { throwIfStopped } from '../../../base/abort.ts'
import { errorCode } from '../../../base/error-code.ts'
import { errorMessage } from '../../../base/error-message.ts'
import { Failure, type FailureCode } from '../../../base/failure.ts'
import { createKeyFile } from '../../../keys/key-file-provider.ts'
import { createKeyring } from '../../../keys/open-keyring.ts'
import { resolveSecret } from '../../../keys/resolve-secret.ts'
import { syncFolder } from '../../../keys/sync-folder.ts'
import { writeNewFile } from '../../../keys/write-new-file.ts'
import type { Environment, LocationName, Policy } from '../../../model/policy/policy.ts'
import type { World } from '../../world.ts'

/** What `init` is to make. All paths are absolute. */
export interface InitPlan {
  /** Where the policy goes, and its text. */
  readonly path: string
  readonly text: string
  readonly environment: Environment
  readonly keyring: string
  readonly unlock: Policy['encryption']['keyManagement']['unlock']
  /** Folders of this machine that locations lie in. */
  readonly folders: readonly { readonly name: LocationName; readonly path: string }[]
}

export interface InitResult {
  readonly keyFile: 'made' | 'found' | 'none'
  readonly madeFolders: readonly string[]
}

/**
 * Makes the folders of the locations, the key file, the keyring and last the policy: its name is the commit point. Takes
 * back what it made where a step fails; a crash before the policy leaves empty folders and keys that nothing was sealed
 * with, which the next `init` names. Overwrites nothing: Failure `refused` where something is in the way.
 */
export async function executeInit(plan: InitPlan, world: World, signal: AbortSignal): Promise<InitResult> {
  await requireFree(plan)
  const undo: (() => Promise<unknown>)[] = []
  try {
    const madeFolders: string[] = []
    for (const { name, path } of plan.folders) {
      if (!(await makeFolder(path, `${name} location`, undo))) continue
      madeFolders.push(path)
    }
    await makeParents(plan.keyring, undo)
    const keyFile = await provideKeyFile(plan, world, undo, signal)
    throwIfStopped(signal)
    const keyring = await createKeyring(
      { file: plan.keyring, unlock: await unlockOf(plan, world), environment: plan.environment },
      world,
      signal,
    )
    keyring[Symbol.dispose]()
    undo.push(() => unlink(plan.keyring))
    throwIfStopped(signal)
    await makeParents(plan.path, undo)
    await writePolicy(plan)
    return { keyFile, madeFolders }
  } catch (error) {
    // What can not be taken back is empty folders and unused keys: the first error is the one to tell.
    for (const step of undo.toReversed()) await step().catch(() => {})
    throw error
  }
}

/** Looks before anything is made, so that the common mistakes make nothing that must be taken back. */
async function requireFree({ path, keyring, folders }: InitPlan): Promise<void> {
  const inTheWay: Readonly<Record<string, string>> = { policy: path, keyring }
  for (const [what, file] of Object.entries(inTheWay)) {
    if (await isThere(file)) {
      throw new Failure('refused', `Cannot write ${what} "${file}": there is one already`, {
        facts: { hint: 'Nothing is overwritten. Move it away, or name another place.' },
      })
    }
  }
  for (const { name, path: folder } of folders) {
    const above = await stat(dirname(folder)).catch(() => undefined)
    if (above?.isDirectory() === true) continue
    throw new Failure('path_missing', `Cannot make the ${name} location "${folder}": there is no folder above it`, {
      facts: { hint: 'Is it mounted? Make the folder above it yourself where it is really meant.' },
    })
  }
}

async function unlockOf(
  { unlock }: InitPlan,
  world: World,
): Promise<{ readonly keyFile: string } | { readonly passphrase: string }> {
  if ('keyFile' in unlock) return unlock
  return {
    passphrase: await resolveSecret(unlock.passphrase, {
      environment: world.environment,
      readFile: (path) => readFile(path),
    }),
  }
}

async function provideKeyFile(
  { unlock }: InitPlan,
  world: World,
  undo: (() => Promise<unknown>)[],
  signal: AbortSignal,
): Promise<InitResult['keyFile']> {
  if (!('keyFile' in unlock)) return 'none'
  if (await isThere(unlock.keyFile)) return 'found'
  await makeParents(unlock.keyFile, undo)
  await createKeyFile(unlock.keyFile, world.random, signal)
  undo.push(() => unlink(unlock.keyFile))
  return 'made'
}

/**
 * The policy gets its name with all its text, and only where nothing has that name. Where the file system has no hard
 * links, a crash can leave a part of it, which is no policy.
 */
async function writePolicy({ path, text }: InitPlan): Promise<void> {
  const temporary = `${path}.new`
  const bytes = Buffer.from(text)
  await writeNewFile(temporary, bytes, 'policy')
  try {
    await link(temporary, path)
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(errorCode(error) ?? '')) {
      throw trouble(error, 'write policy', path)
    }
    await writeNewFile(path, bytes, 'policy')
  } finally {
    await unlink(temporary)
  }
  await syncFolder(dirname(path))
}

/** Makes the folders above a file, for its owner alone. */
async function makeParents(file: string, undo: (() => Promise<unknown>)[]): Promise<void> {
  const missing: string[] = []
  for (let folder = dirname(file); !(await isThere(folder)); folder = dirname(folder)) missing.unshift(folder)
  for (const folder of missing) await makeFolder(folder, 'folder', undo)
}

/** Makes a folder, and says whether it was absent. */
async function makeFolder(path: string, what: string, undo: (() => Promise<unknown>)[]): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 })
    undo.push(() => rmdir(path))
    await syncFolder(dirname(path))
    return true
  } catch (error) {
    const isFolder = errorCode(error) === 'EEXIST' && (await stat(path)).isDirectory()
    if (isFolder) return false
    throw trouble(error, `make ${what}`, path)
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false
    throw trouble(error, 'look at', path)
  }
}

const codes: Readonly<Record<string, FailureCode>> = {
  EEXIST: 'refused',
  ENOSPC: 'storage_full',
  EDQUOT: 'storage_full',
}

function trouble(error: unknown, doing: string, path: string): Failure {
  const found = errorCode(error) === 'EEXIST' ? 'there is something already' : errorMessage(error)
  const code = codes[errorCode(error) ?? ''] ?? 'storage_denied'
  return new Failure(code, `Cannot ${doing} "${path}": ${found}`, { cause: error })
}

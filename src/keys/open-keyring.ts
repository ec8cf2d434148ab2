import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { throwIfStopped } from '../base/abort.ts'
import { errorCode } from '../base/error-code.ts'
import { Failure } from '../base/failure.ts'
import { toHex } from '../base/hex.ts'
import type { Environment } from '../model/policy/policy.ts'
import { withNewEvidenceKey } from './evidence-keys.ts'
import { fileTrouble } from './file-trouble.ts'
import type { KeyEncryptionKey } from './key-encryption-key.ts'
import { Keyring } from './keyring.ts'
import { withNewGeneration } from './keyring-entries.ts'
import { encodeKeyringFile, type KeyringContent } from './keyring-file.ts'
import { takeKeyringLock } from './keyring-lock.ts'
import type { KeyringWorld } from './keyring-world.ts'
import { unwrapContent } from './open-content.ts'
import { exists, readKeyring, realKeyringPath } from './read-keyring-file.ts'
import { replaceKeyringFile } from './replace-keyring-file.ts'
import { rewrappedContent } from './rewrap-content.ts'
import { syncFolder } from './sync-folder.ts'
import { providerOf, type Unlock } from './unlock.ts'
import { wrapNewKey } from './wrap-new-key.ts'

/** Where a keyring is and what opens it. */
export interface KeyringPlace {
  readonly file: string
  readonly unlock: Unlock
}

/**
 * Opens a keyring. Failures: `keyring_missing`, which names the path and what is needed to go on; `keyring_locked` where
 * the secret is another, `secret_missing` where there is none; `keyring_damaged`; storage codes.
 */
export async function openKeyring(place: KeyringPlace, world: KeyringWorld, signal: AbortSignal): Promise<Keyring> {
  throwIfStopped(signal)
  const file = await realKeyringPath(place.file)
  const { bytes } = await readKeyring(file)
  const { content, key } = await unwrapContent(bytes, `keyring "${file}"`, place.unlock, world, signal)
  return new Keyring({ file, content, key, world })
}

/**
 * Makes a keyring with the first generation of an environment, and its folder (0700) where that is missing. Failure `refused`
 * where there is a keyring, or the rest of one: a new one beside old backups would hide that their keys are lost.
 */
export async function createKeyring(
  place: KeyringPlace & { readonly environment: Environment },
  world: KeyringWorld,
  signal: AbortSignal,
): Promise<Keyring> {
  const { random, clock } = world
  return await putKeyring(place, world, signal, async () => {
    const id = toHex(random(16))
    const { key, wrapped } = await wrapNewKey(providerOf(place.unlock, world), { id }, random, signal)
    const now = clock.now()
    const content: KeyringContent = {
      format: 'zakops-backup keyring',
      formatVersion: 1,
      id,
      sequence: 1,
      writtenAt: now.toISOString(),
      keyEncryptionKey: { version: key.version, wrapped },
      entries: withNewGeneration([], place.environment, { key, random, now }).entries,
      evidenceKeys: withNewEvidenceKey([], { key, random, now }),
    }
    return { content, key }
  })
}

/**
 * Makes a keyring out of an export, where there is none: all generations of the export, opened by this place's own secret.
 * Failures as createKeyring() and, for the export, as openKeyring().
 */
export async function recoverKeyring(
  place: KeyringPlace & { readonly exported: Uint8Array; readonly exportUnlock: Unlock },
  world: KeyringWorld,
  signal: AbortSignal,
): Promise<Keyring> {
  const { random, clock } = world
  return await putKeyring(place, world, signal, async () => {
    const old = await unwrapContent(place.exported, 'the export', place.exportUnlock, world, signal)
    const { key, wrapped } = await wrapNewKey(providerOf(place.unlock, world), old.content, random, signal)
    const content: KeyringContent = {
      ...old.content,
      sequence: old.content.sequence + 1,
      writtenAt: clock.now().toISOString(),
      keyEncryptionKey: { version: key.version, wrapped },
      ...rewrappedContent(old.content, old.key, { key, random }),
    }
    old.key.close()
    return { content, key }
  })
}

async function putKeyring(
  place: KeyringPlace,
  world: KeyringWorld,
  signal: AbortSignal,
  make: () => Promise<{ readonly content: KeyringContent; readonly key: KeyEncryptionKey }>,
): Promise<Keyring> {
  throwIfStopped(signal)
  const file = await realKeyringPath(place.file)
  await requireAbsent(file)
  await makeFolder(dirname(file))
  const { content, key } = await make()
  await using lock = await takeKeyringLock(file, world, signal)
  await requireAbsent(file)
  await replaceKeyringFile({
    file,
    before: undefined,
    last: 'keep',
    bytes: encodeKeyringFile(content, key.authentication),
    requireHeld: () => lock.requireHeld(),
    onStep: world.onWriteStep ?? (() => {}),
  })
  return new Keyring({ file, content, key, world })
}

async function requireAbsent(file: string): Promise<void> {
  for (const path of [file, `${file}.previous`]) {
    if (!(await exists(path))) continue
    throw new Failure('refused', `Cannot make keyring "${file}": there is a file "${path}" already`, {
      facts: {
        hint:
          path === file
            ? 'Use it; or, if no backup was ever made with it, move it away first'
            : `It is what is left of a lost keyring: copy it to "${file}" and use that; if no backup needs it, move it away`,
      },
    })
  }
}

/** The keyring's folder is its owner's alone. One that is there and that others may write is no place for keys. */
async function makeFolder(folder: string): Promise<void> {
  try {
    const made = await mkdir(folder, { recursive: true, mode: 0o700 })
    if (made !== undefined) {
      for (let path = folder; path.length >= made.length; path = dirname(path)) await syncFolder(dirname(path))
    }
    const { mode } = await stat(folder)
    if ((mode & 0o022) === 0) return
    const found = (mode & 0o7777).toString(8).padStart(4, '0')
    throw new Failure('refused', `Cannot make a keyring in "${folder}": others may write there (mode ${found})`, {
      facts: { hint: `Choose another folder, or run: chmod 700 "${folder}"` },
    })
  } catch (error) {
    if (errorCode(error) === 'EEXIST') {
      throw new Failure('refused', `Cannot make a keyring in "${folder}": it is no folder`, { cause: error })
    }
    throw fileTrouble(error, 'make folder', folder)
  }
}

import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isFailure } from '../base/failure.ts'
import { signEvidenceText } from './evidence-keys.ts'
import { describeGeneration, type Generation, isSameGeneration } from './generation.ts'
import type { KeyEncryptionKey } from './key-encryption-key.ts'
import type { ProviderRecord } from './key-provider.ts'
import { generationOf, withSecret } from './keyring-entries.ts'
import type { KeyringContent } from './keyring-file.ts'
import { type ReadKeyring, readKeyringIfPresent } from './read-keyring-file.ts'

/** What was found when a keyring was looked over. */
export interface KeyringCheck {
  readonly id: string
  readonly formatVersion: number
  readonly sequence: number
  readonly writtenAt: Date
  readonly provider: ProviderRecord['provider']
  readonly keyEncryptionKeyVersion: number
  readonly generations: readonly Generation[]
  /** What must be mended, with what to do; the keyring itself is sound where this returns. */
  readonly faults: readonly string[]
}

/** Opens every key of an authenticated keyring, and looks at the version before it and at who may read the files. */
export async function checkKeyring(options: {
  readonly file: string
  readonly found: ReadKeyring
  readonly key: KeyEncryptionKey
  readonly userId: number
}): Promise<KeyringCheck> {
  const { file, found, key, userId } = options
  const { content } = found
  for (const entry of content.entries) {
    if (entry.state !== 'destroyed') withSecret(key.unwrap(entry), () => undefined)
  }
  for (const entry of content.evidenceKeys ?? []) {
    if (entry.state === 'active') signEvidenceText(entry, 'check', key)
  }
  return {
    id: content.id,
    formatVersion: content.formatVersion,
    sequence: content.sequence,
    writtenAt: new Date(content.writtenAt),
    provider: content.keyEncryptionKey.wrapped.provider,
    keyEncryptionKeyVersion: content.keyEncryptionKey.version,
    generations: content.entries.map((entry) => generationOf(entry)),
    faults: [...(await previousFaults(file, content)), ...(await accessFaults(file, userId))],
  }
}

async function previousFaults(file: string, content: KeyringContent): Promise<string[]> {
  const previous = `${file}.previous`
  let old: ReadKeyring | undefined
  try {
    old = await readKeyringIfPresent(previous)
  } catch (error) {
    if (!isFailure(error, 'keyring_damaged')) throw error
    return [`${error.message}; the next change of the keyring replaces it`]
  }
  if (old === undefined || old.content.id !== content.id) return []
  if (old.content.sequence > content.sequence) {
    return [`"${previous}" is newer than the keyring: an older version was put back, and may lack generations`]
  }
  if (old.content.keyEncryptionKey.version < content.keyEncryptionKey.version) {
    return [`"${previous}" still opens with the secret before the last rewrap; remove it, or rewrap again`]
  }
  return content.entries
    .filter(({ state }) => state === 'destroyed')
    .filter((gone) => old.content.entries.some((one) => one.state !== 'destroyed' && isSameGeneration(one, gone)))
    .map((gone) => `"${previous}" still holds the key of ${describeGeneration(gone)}; destroy it again`)
}

/** Others' rights to the file and its folder, and another owner. */
async function accessFaults(file: string, userId: number): Promise<string[]> {
  return [...(await othersRights(file, 0o600, userId)), ...(await othersRights(dirname(file), 0o700, userId))]
}

/** What others may do with a file or folder that is its owner's alone, and whether that is another user. */
export async function othersRights(path: string, wantedMode: number, userId: number): Promise<string[]> {
  const { mode, uid } = await stat(path)
  const faults: string[] = []
  if ((mode & 0o077) !== 0) {
    const found = (mode & 0o7777).toString(8).padStart(4, '0')
    faults.push(`"${path}" is open to others (mode ${found}); run: chmod ${wantedMode.toString(8)} "${path}"`)
  }
  if (uid !== userId) faults.push(`"${path}" belongs to user ${uid}, expected ${userId}`)
  return faults
}

import { Failure } from '../base/failure.ts'
import type { RandomBytes } from '../base/random.ts'
import type { Environment } from '../model/policy/policy.ts'
import { describeGeneration, type Generation, type GenerationName, isSameGeneration } from './generation.ts'
import type { KeyEncryptionKey } from './key-encryption-key.ts'
import { entriesMax, type KeyringEntry } from './keyring-file.ts'

/** What a change of entries needs: the key that wraps them, chance, and the time. */
export interface EntryTools {
  readonly key: KeyEncryptionKey
  readonly random: RandomBytes
  readonly now: Date
}

/** An entry as the rest of the program knows it. */
export function generationOf(entry: KeyringEntry): Generation {
  const { environment, generation, version } = entry
  const known = { environment, generation, version, createdAt: new Date(entry.createdAt) }
  if (entry.state === 'destroyed') {
    const { state, retiredAt, destroyedAt } = entry
    return { ...known, state, retiredAt: new Date(retiredAt), destroyedAt: new Date(destroyedAt) }
  }
  const { keyEncryptionKeyVersion } = entry.wrapped
  if (entry.state === 'active') return { ...known, state: entry.state, keyEncryptionKeyVersion }
  return { ...known, state: entry.state, retiredAt: new Date(entry.retiredAt), keyEncryptionKeyVersion }
}

/** A new active generation of an environment, the first one too; the one that was active is retired. */
export function withNewGeneration(
  entries: readonly KeyringEntry[],
  environment: Environment,
  tools: EntryTools,
): { readonly entries: KeyringEntry[]; readonly created: GenerationName } {
  if (entries.length >= entriesMax) {
    throw new Failure('refused', `Cannot rotate the key of ${environment}: the keyring has ${entriesMax} generations`)
  }
  const numbers = entries.filter((entry) => entry.environment === environment).map(({ generation }) => generation)
  const name = { environment, generation: Math.max(0, ...numbers) + 1 }
  const masterKey = newMasterKey(tools.random)
  const entry: KeyringEntry = {
    state: 'active',
    ...name,
    version: 1,
    createdAt: tools.now.toISOString(),
    wrapped: tools.key.wrap({ ...name, version: 1 }, masterKey, tools.random),
  }
  masterKey.fill(0)
  const others = entries.map((one) =>
    one.environment === environment && one.state === 'active' ? retired(one, tools) : one,
  )
  return { entries: [...others, entry], created: name }
}

/** The entry of a retired generation without its key. Failure `refused` for one that is in use. */
export function withDestroyed(
  entries: readonly KeyringEntry[],
  name: GenerationName,
  { now }: Pick<EntryTools, 'now'>,
): KeyringEntry[] {
  const found = findEntry(entries, name)
  if (found.state === 'active') {
    throw new Failure(
      'refused',
      `Cannot destroy the key of ${describeGeneration(name)}: it is the active one, expected a retired one`,
      { facts: { hint: 'Rotate first; destroy it when the last backup that needs it is gone from every location' } },
    )
  }
  if (found.state === 'destroyed') return [...entries]
  const { environment, generation, version, createdAt, retiredAt } = found
  const destroyed: KeyringEntry = {
    state: 'destroyed',
    environment,
    generation,
    createdAt,
    retiredAt,
    version: version + 1,
    destroyedAt: now.toISOString(),
  }
  return entries.map((one) => (one === found ? destroyed : one))
}

/** Every generation wrapped anew by another key. */
export function rewrapped(
  entries: readonly KeyringEntry[],
  from: KeyEncryptionKey,
  { key, random }: Pick<EntryTools, 'key' | 'random'>,
): KeyringEntry[] {
  return entries.map((entry) => {
    if (entry.state === 'destroyed') return entry
    const version = entry.version + 1
    return withSecret(from.unwrap(entry), (masterKey) => ({
      ...entry,
      version,
      wrapped: key.wrap({ ...entry, version }, masterKey, random),
    }))
  })
}

export function retired(entry: Extract<KeyringEntry, { state: 'active' }>, tools: EntryTools): KeyringEntry {
  const version = entry.version + 1
  const { environment, generation, createdAt } = entry
  return withSecret(tools.key.unwrap(entry), (masterKey) => ({
    state: 'retired',
    environment,
    generation,
    createdAt,
    version,
    retiredAt: tools.now.toISOString(),
    wrapped: tools.key.wrap({ environment, generation, version }, masterKey, tools.random),
  }))
}

/** Failure `keyring_locked` where the keyring has no such generation. */
export function findEntry(entries: readonly KeyringEntry[], name: GenerationName): KeyringEntry {
  const found = entries.find((entry) => isSameGeneration(entry, name))
  if (found !== undefined) return found
  const known = entries.map((entry) => describeGeneration(entry)).join(', ')
  throw new Failure('keyring_locked', `Cannot find the key of ${describeGeneration(name)}: the keyring has ${known}`, {
    facts: { hint: 'If another copy or an export of the keyring has it, `keys import` brings it back' },
  })
}

/** Works with a secret and overwrites it afterwards. */
export function withSecret<Answer>(secret: Uint8Array, work: (secret: Uint8Array) => Answer): Answer {
  try {
    return work(secret)
  } finally {
    secret.fill(0)
  }
}

/** A master key as a repository wants it: encrypt 32 | macK 16 | macR 16, the bits of r that Poly1305 ignores clear. */
function newMasterKey(random: RandomBytes): Uint8Array {
  const bytes = Uint8Array.from([...random(32), ...random(16), ...random(16)])
  for (const at of [3, 7, 11, 15]) bytes[48 + at]! &= 0x0f
  for (const at of [4, 8, 12]) bytes[48 + at]! &= 0xfc
  return bytes
}

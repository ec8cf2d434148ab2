import { KeyEncryptionKey } from './key-encryption-key.ts'
import { authenticate, decodeKeyringFile, type KeyringContent } from './keyring-file.ts'
import type { KeyringWorld } from './keyring-world.ts'
import { providerOf, type Unlock } from './unlock.ts'

/** What opens a keyring, and what was in it once it is open. */
export interface OpenContent {
  readonly content: KeyringContent
  readonly key: KeyEncryptionKey
}

/**
 * Opens the bytes of a keyring's file. Damage is looked for before the secret is tried, and tampering after. Failures
 * `keyring_damaged`, `keyring_locked`, `secret_missing`.
 */
export async function unwrapContent(
  bytes: Uint8Array,
  what: string,
  unlock: Unlock,
  world: Pick<KeyringWorld, 'random' | 'userId'>,
  signal: AbortSignal,
): Promise<OpenContent> {
  const found = decodeKeyringFile(bytes, what)
  const { id: keyring, keyEncryptionKey } = found.content
  const { version, wrapped } = keyEncryptionKey
  const bare = await providerOf(unlock, world).unwrap(wrapped, { keyring, version }, signal)
  const key = new KeyEncryptionKey({ key: bare, version, keyring })
  authenticate(found, key.authentication, what)
  return { content: found.content, key }
}

import { Failure } from '../base/failure.ts'
import type { RandomBytes } from '../base/random.ts'
import { KeyEncryptionKey } from './key-encryption-key.ts'
import type { KeyProvider, ProviderRecord } from './key-provider.ts'
import type { KeyringContent } from './keyring-file.ts'

/**
 * A new key-encryption key, of the version behind the keyring's, wrapped by a provider that has shown that it can unwrap it
 * again.
 */
export async function wrapNewKey(
  provider: KeyProvider,
  {
    id: keyring,
    keyEncryptionKey,
  }: { readonly id: string; readonly keyEncryptionKey?: KeyringContent['keyEncryptionKey'] },
  random: RandomBytes,
  signal: AbortSignal,
): Promise<{ readonly key: KeyEncryptionKey; readonly wrapped: ProviderRecord }> {
  const version = (keyEncryptionKey?.version ?? 0) + 1
  const key = new KeyEncryptionKey({ key: Uint8Array.from(random(32)), version, keyring })
  const wrapped = await provider.wrap(key.bytes, { keyring, version }, signal)
  const again = await provider.unwrap(wrapped, { keyring, version }, signal)
  if (Buffer.compare(again, key.bytes) === 0) return { key, wrapped }
  throw new Failure('defect', `Cannot wrap the keys: ${provider.name} does not give back what it wrapped`)
}

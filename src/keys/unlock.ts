import type { RandomBytes } from '../base/random.ts'
import { keyFileProvider } from './key-file-provider.ts'
import type { KeyProvider } from './key-provider.ts'
import { passphraseProvider } from './passphrase-provider.ts'

/** What opens a keyring. */
export type Unlock = { readonly passphrase: string } | { readonly keyFile: string }

/** The provider for it. Failure `secret_missing` where the passphrase is empty. */
export function providerOf(
  unlock: Unlock,
  world: { readonly random: RandomBytes; readonly userId: number },
): KeyProvider {
  const { random, userId } = world
  return 'passphrase' in unlock
    ? passphraseProvider({ passphrase: unlock.passphrase, random })
    : keyFileProvider({ path: unlock.keyFile, userId, random })
}

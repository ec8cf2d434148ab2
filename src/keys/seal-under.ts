import { Failure } from '../base/failure.ts'
import type { RandomBytes } from '../base/random.ts'
import { deriveKey, keyCheckValue, openKey, type SealedKey, sealKey } from './sealed-key.ts'

/** A sealed key with the value that tells whether the right key is at hand to open it. */
export type GuardedKey = SealedKey & { readonly check: string }

const purpose = 'wrap the key-encryption key'

/** Seals a key under the 32 bytes that a provider has from its secret. */
export function sealUnder(guard: Uint8Array, key: Uint8Array, context: string, random: RandomBytes): GuardedKey {
  return { check: keyCheckValue(guard), ...sealKey(deriveKey(guard, purpose), key, context, random) }
}

/** Failure `keyring_locked` where the guard is another, `keyring_damaged` where it is the right one and a byte is not. */
export function openUnder(guard: Uint8Array, record: GuardedKey, context: string, secret: string): Uint8Array {
  if (keyCheckValue(guard) !== record.check) {
    throw new Failure('keyring_locked', `Cannot open the keyring: this is not its ${secret}`)
  }
  const key = openKey(deriveKey(guard, purpose), record, context)
  if (key !== undefined) return key
  throw new Failure(
    'keyring_damaged',
    `Cannot open the keyring: the ${secret} is the right one, but the key that it guards is not as it was written`,
  )
}

import type { GenerationName } from '../../keys/generation.ts'
import type { Keyring } from '../../keys/keyring.ts'
import type { MasterKey } from '../../kernels/master-key.ts'

/** The master key of a generation's repository. Failure `keyring_locked` where it was destroyed or is not in the keyring. */
export function masterKeyOf(keyring: Pick<Keyring, 'masterKey'>, generation: GenerationName): MasterKey {
  const bytes = keyring.masterKey(generation)
  return { encrypt: bytes.subarray(0, 32), macK: bytes.subarray(32, 48), macR: bytes.subarray(48, 64) }
}

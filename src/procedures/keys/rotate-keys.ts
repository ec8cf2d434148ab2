import type { Generation } from '../../keys/generation.ts'
import type { Keyring } from '../../keys/keyring.ts'
import type { Unlock } from '../../keys/unlock.ts'
import type { Environment } from '../../model/policy/policy.ts'
import { type KeyRecord, recordKeyEvent } from './record-key-event.ts'

/**
 * The yearly rotation: a new generation with a new master key, a new key that signs evidence, then a new key-encryption key over
 * all of them, opened by the same secret; on record. Old backups stay restorable. A crash between them leaves the new generation under the
 * old key-encryption key: a sound keyring, which the next rewrap or rotation catches up.
 */
export async function rotateKeys(
  keyring: Pick<Keyring, 'rotate' | 'rotateEvidenceKey' | 'rewrap'>,
  { environment, unlock }: { readonly environment: Environment; readonly unlock: Unlock },
  record: KeyRecord,
  signal: AbortSignal,
): Promise<Generation> {
  const generation = await keyring.rotate(environment, signal)
  await recordKeyEvent(record, 'rotated', generation)
  await keyring.rotateEvidenceKey(signal)
  await keyring.rewrap(unlock, signal)
  await recordKeyEvent(record, 'rewrapped')
  return generation
}

import type { Generation } from '../../keys/generation.ts'
import type { Keyring } from '../../keys/keyring.ts'
import type { KeyDestruction } from '../../keys/plan-key-destruction.ts'
import { type KeyRecord, recordKeyEvent } from './record-key-event.ts'

/**
 * Destroys the keys that a plan lets go (planKeyDestruction(), which is to be made right before), each on record, and answers
 * them. A crash between a destruction and its record leaves the time of it in the keyring's entry.
 */
export async function destroyKeys(
  keyring: Pick<Keyring, 'destroy'>,
  plan: readonly KeyDestruction[],
  record: KeyRecord,
  signal: AbortSignal,
): Promise<readonly Generation[]> {
  const destroyed: Generation[] = []
  for (const step of plan) {
    if (step.action !== 'destroy') continue
    destroyed.push(await keyring.destroy(step, signal))
    await recordKeyEvent(record, 'destroyed', step)
  }
  return destroyed
}

import type { Keyring } from '../../keys/keyring.ts'
import type { Unlock } from '../../keys/unlock.ts'
import type { Environment } from '../../model/policy/policy.ts'
import type { Generations } from '../installation.ts'
import { type KeyRecord, recordKeyEvent } from './record-key-event.ts'
import { rotateKeys } from './rotate-keys.ts'

/** The generations of an environment in an open keyring. */
export function generationsOf(
  keyring: Keyring,
  { environment, unlock }: { readonly environment: Environment; readonly unlock: Unlock },
  world: KeyRecord,
): Generations {
  const all = () => keyring.generations.filter((one) => one.environment === environment)
  return {
    get active() {
      return keyring.active(environment).generation
    },
    get open() {
      return all()
        .filter(({ state }) => state !== 'destroyed')
        .map(({ generation }) => generation)
    },
    get all() {
      return all()
    },
    rotate: (signal) => rotateKeys(keyring, { environment, unlock }, world, signal),
    async destroy(generation, signal) {
      await keyring.destroy({ environment, generation }, signal)
      await recordKeyEvent(world, 'destroyed', { generation })
    },
  }
}

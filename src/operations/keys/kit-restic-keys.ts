import type { Keyring } from '../../keys/keyring.ts'
import type { KitResticKey } from '../../keys/recovery-kit.ts'
import type { Environment } from '../../model/policy/policy.ts'
import { type KeyOrigin, storeKey } from '../../repository/keys.ts'
import { masterKeyOf } from './master-key-of.ts'

/** A standard restic key for a password for each generation of an environment whose key is there. Nothing is stored anywhere. */
export async function kitResticKeys(
  options: KeyOrigin & {
    readonly keyring: Pick<Keyring, 'generations' | 'masterKey'>
    readonly environment: Environment
    readonly password: string
  },
  signal: AbortSignal,
): Promise<KitResticKey[]> {
  const { keyring, environment } = options
  const keys: KitResticKey[] = []
  for (const { generation, state, environment: of } of keyring.generations) {
    if (of !== environment || state === 'destroyed') continue
    let text = ''
    const put = async (_name: string, bytes: Uint8Array): Promise<'stored'> => {
      text = Buffer.from(bytes).toString('utf8')
      return 'stored'
    }
    const id = await storeKey({ put }, masterKeyOf(keyring, { environment, generation }), options, signal)
    keys.push({ generation, id, text })
  }
  return keys
}

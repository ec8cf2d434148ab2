import { Failure } from '../base/failure.ts'
import type { ProviderRecord } from './key-provider.ts'

const openedBy = { passphrase: 'a passphrase', 'key-file': 'a key file' } as const satisfies Record<
  ProviderRecord['provider'],
  string
>

/** The Failure for a keyring that another kind of secret opens than the one that was given. */
export function otherProvider(record: ProviderRecord, given: ProviderRecord['provider']): Failure {
  return new Failure(
    'keyring_locked',
    `Cannot open the keyring: it opens with ${openedBy[record.provider]}, not with ${openedBy[given]}`,
    { facts: { hint: 'Say so under `encryption.keyManagement.unlock` of the policy' } },
  )
}

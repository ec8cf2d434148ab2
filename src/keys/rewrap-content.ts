import { rewrappedEvidenceKeys } from './evidence-keys.ts'
import type { KeyEncryptionKey } from './key-encryption-key.ts'
import { type EntryTools, rewrapped } from './keyring-entries.ts'
import type { KeyringContent } from './keyring-file.ts'

/** All that a keyring wraps, wrapped anew by another key-encryption key. */
export function rewrappedContent(
  { entries, evidenceKeys }: Pick<KeyringContent, 'entries' | 'evidenceKeys'>,
  from: KeyEncryptionKey,
  to: Pick<EntryTools, 'key' | 'random'>,
): Pick<KeyringContent, 'entries' | 'evidenceKeys'> {
  return {
    entries: rewrapped(entries, from, to),
    ...(evidenceKeys !== undefined && { evidenceKeys: rewrappedEvidenceKeys(evidenceKeys, from, to) }),
  }
}

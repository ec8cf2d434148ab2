import { Failure } from '../base/failure.ts'
import type { RandomBytes } from '../base/random.ts'
import { canonicalJson } from '../base/canonical-json.ts'
import { describeGeneration, type GenerationName } from './generation.ts'
import type { EvidenceKeyEntry, KeyringEntry } from './keyring-file.ts'
import { deriveKey, openKey, sealKey } from './sealed-key.ts'

type WrappedEntry = Exclude<KeyringEntry, { state: 'destroyed' }>
export type Wrapped = WrappedEntry['wrapped']
type EvidenceKeyName = Pick<EvidenceKeyEntry, 'publicKey' | 'version'>

/** The opened key-encryption key of a keyring, version by version another one; in memory only, until close(). */
export class KeyEncryptionKey {
  readonly version: number
  /** For the code over the whole file. */
  readonly authentication: Uint8Array
  readonly #key: Uint8Array
  readonly #wrapping: Uint8Array
  readonly #keyring: string
  #isClosed = false

  constructor(options: { readonly key: Uint8Array; readonly version: number; readonly keyring: string }) {
    this.version = options.version
    this.#keyring = options.keyring
    this.#key = options.key
    this.#wrapping = deriveKey(options.key, 'wrap master keys')
    this.authentication = deriveKey(options.key, 'authenticate the file')
  }

  /** The key itself, for its provider to wrap. */
  get bytes(): Uint8Array {
    return this.#key
  }

  /** A master key sealed for this version of this entry: it opens in no other place. */
  wrap(entry: GenerationName & { readonly version: number }, masterKey: Uint8Array, random: RandomBytes): Wrapped {
    const { nonce, sealed } = sealKey(this.#wrapping, masterKey, this.#context(entry), random)
    return { nonce, sealed, keyEncryptionKeyVersion: this.version }
  }

  /** The master key of an entry. Failure `keyring_damaged` where it was not wrapped for it by this key. */
  unwrap(entry: WrappedEntry): Uint8Array {
    const masterKey = openKey(this.#wrapping, entry.wrapped, this.#context(entry))
    if (masterKey !== undefined) return masterKey
    throw new Failure('keyring_damaged', `Cannot open the key of ${describeGeneration(entry)}: its seal is broken`)
  }

  /** The private part of an evidence key, sealed for its public part. */
  wrapEvidenceKey(name: EvidenceKeyName, seed: Uint8Array, random: RandomBytes): Wrapped {
    const { nonce, sealed } = sealKey(this.#wrapping, seed, this.#evidenceContext(name), random)
    return { nonce, sealed, keyEncryptionKeyVersion: this.version }
  }

  /** Failure `keyring_damaged` where it was not wrapped for this key by this key-encryption key. */
  unwrapEvidenceKey(entry: Extract<EvidenceKeyEntry, { state: 'active' }>): Uint8Array {
    const seed = openKey(this.#wrapping, entry.wrapped, this.#evidenceContext(entry))
    if (seed !== undefined) return seed
    throw new Failure('keyring_damaged', 'Cannot open the key that signs evidence: its seal is broken')
  }

  /** Forgets the key. */
  close(): void {
    this.#isClosed = true
    for (const bytes of [this.#key, this.#wrapping, this.authentication]) bytes.fill(0)
  }

  #evidenceContext({ publicKey, version }: EvidenceKeyName): string {
    this.#requireOpen()
    return canonicalJson({ what: 'evidence key', keyring: this.#keyring, publicKey, version })
  }

  #requireOpen(): void {
    // With a key of zeros all would look damaged.
    if (this.#isClosed) throw new Failure('defect', 'Cannot use the keys: the keyring was closed')
  }

  #context({ environment, generation, version }: GenerationName & { readonly version: number }): string {
    this.#requireOpen()
    return canonicalJson({ what: 'master key', keyring: this.#keyring, environment, generation, version })
  }
}

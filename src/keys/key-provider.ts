import { z } from 'zod'
import { canonicalJson } from '../base/canonical-json.ts'
import { argonCostSchema } from './argon-cost.ts'
import { base64Schema, sealedKeySchema } from './sealed-key.ts'

const checkValueSchema = z.string().regex(/^[0-9a-f]{16}$/)

const passphraseRecordSchema = z.strictObject({
  provider: z.literal('passphrase'),
  argon2id: argonCostSchema.extend({ salt: base64Schema(16) }),
  check: checkValueSchema,
  ...sealedKeySchema(32).shape,
})
export type PassphraseRecord = z.output<typeof passphraseRecordSchema>

const keyFileRecordSchema = z.strictObject({
  provider: z.literal('key-file'),
  check: checkValueSchema,
  ...sealedKeySchema(32).shape,
})
export type KeyFileRecord = z.output<typeof keyFileRecordSchema>

/** What a provider keeps in the keyring about a key that it wrapped. No secret. */
export const providerRecordSchema = z.discriminatedUnion('provider', [passphraseRecordSchema, keyFileRecordSchema])
export type ProviderRecord = z.output<typeof providerRecordSchema>

/** What a wrapped key is bound to: it opens nowhere else. */
export interface WrapContext {
  /** Id of the keyring. */
  readonly keyring: string
  /** Version of the key-encryption key. */
  readonly version: number
}

/**
 * Who guards the keyring's key-encryption key: a passphrase or a key file; later a server that never gives its own key
 * away. So it is asked to wrap and unwrap 32 bytes, and nothing else. An implementation must give: unwrap() of what
 * wrap() answered gives the same bytes, in another process as well; with another secret it is Failure
 * `keyring_locked`; with another context, or any other change of the record, it never gives bytes: Failure
 * `keyring_damaged`, or `keyring_locked` where the change looks like another secret. A secret that is not there is
 * Failure `secret_missing`.
 */
export interface KeyProvider {
  readonly name: ProviderRecord['provider']
  wrap(key: Uint8Array, context: WrapContext, signal: AbortSignal): Promise<ProviderRecord>
  unwrap(record: ProviderRecord, context: WrapContext, signal: AbortSignal): Promise<Uint8Array>
}

/** The context as a text to seal with, together with what else the provider wants bound. */
export function wrapContextText({ keyring, version }: WrapContext, bound: object | null): string {
  return canonicalJson({ what: 'key-encryption key', keyring, version, bound })
}

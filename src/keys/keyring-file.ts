import { createHmac, hash, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { Failure } from '../base/failure.ts'
import { environments } from '../model/policy/policy.ts'
import { canonicalJson } from '../base/canonical-json.ts'
import { providerRecordSchema } from './key-provider.ts'
import { base64Schema, sealedKeySchema } from './sealed-key.ts'

/** encrypt 32 | macK 16 | macR 16: the parts of a repository's master key. */
export const masterKeyBytes = 64

/** Generations that one keyring may have, so that a file has an end: rotated yearly they last for ages. */
export const entriesMax = 1000
/** No keyring of that many generations is larger. */
export const keyringBytesMax = 1024 * 1024

const timeSchema = z.iso.datetime({ precision: 3 })
const countSchema = z.int().min(1).max(1_000_000_000)

const wrappedSchema = sealedKeySchema(masterKeyBytes).extend({ keyEncryptionKeyVersion: countSchema })

const ofEveryEntry = {
  environment: z.enum(environments),
  generation: countSchema,
  /** Counts the changes of this entry. */
  version: countSchema,
  createdAt: timeSchema,
}

const entrySchema = z.discriminatedUnion('state', [
  z.strictObject({ state: z.literal('active'), ...ofEveryEntry, wrapped: wrappedSchema }),
  z.strictObject({ state: z.literal('retired'), ...ofEveryEntry, retiredAt: timeSchema, wrapped: wrappedSchema }),
  z.strictObject({ state: z.literal('destroyed'), ...ofEveryEntry, retiredAt: timeSchema, destroyedAt: timeSchema }),
])

/** A generation as it stands in the file. */
export type KeyringEntry = z.output<typeof entrySchema>

/** Evidence keys that one keyring may have. */
export const evidenceKeysMax = 200

const ofEveryEvidenceKey = { publicKey: base64Schema(32), version: countSchema, createdAt: timeSchema }

const evidenceKeySchema = z.discriminatedUnion('state', [
  z.strictObject({
    state: z.literal('active'),
    ...ofEveryEvidenceKey,
    wrapped: sealedKeySchema(32).extend({ keyEncryptionKeyVersion: countSchema }),
  }),
  z.strictObject({ state: z.literal('retired'), ...ofEveryEvidenceKey, retiredAt: timeSchema }),
])

/** A key that signs evidence (Ed25519) as it stands in the file: a retired one without its private part. */
export type EvidenceKeyEntry = z.output<typeof evidenceKeySchema>

const contentSchema = z.strictObject({
  format: z.literal('zakops-backup keyring'),
  formatVersion: z.literal(1),
  /** Random; tells one keyring from another. */
  id: z.string().regex(/^[0-9a-f]{32}$/),
  /** Grows by one with each write, so that a file that was put back is known to be older than another one. */
  sequence: countSchema,
  writtenAt: timeSchema,
  /** The random key that all entries are wrapped with, itself wrapped by a provider. */
  keyEncryptionKey: z.strictObject({ version: countSchema, wrapped: providerRecordSchema }),
  entries: z.array(entrySchema).max(entriesMax),
  /** Absent in keyrings that were made before there was evidence. */
  evidenceKeys: z.array(evidenceKeySchema).min(1).max(evidenceKeysMax).exactOptional(),
})

/** All that a keyring's file says, but for the codes that prove it. */
export type KeyringContent = z.output<typeof contentSchema>

const fileSchema = contentSchema.extend({
  /** SHA-256 over the canonical content: finds accidents before anybody has typed a passphrase. */
  checksum: z.string(),
  /** HMAC-SHA256 over the same: finds what somebody did on purpose. */
  authentication: z.string(),
})

export interface KeyringFile {
  readonly content: KeyringContent
  readonly authentication: string
}

/** The file of a content; the same content gives the same bytes. */
export function encodeKeyringFile(content: KeyringContent, authenticationKey: Uint8Array): Buffer {
  return encode(content, authenticationOf(content, authenticationKey))
}

function encode(content: KeyringContent, authentication: string): Buffer {
  // Through the schema, so that the names stand in its order wherever the content came from.
  const ordered = fileSchema.parse({ ...content, checksum: hash('sha256', canonicalJson(content)), authentication })
  return Buffer.from(`${JSON.stringify(ordered, null, 2)}\n`)
}

/**
 * What a keyring's file says. Failure `keyring_damaged` unless every byte is as this program would write it and the
 * checksum is right; whether somebody changed both, authenticate() tells. `what` names the file in messages.
 */
export function decodeKeyringFile(bytes: Uint8Array, what: string): KeyringFile {
  if (bytes.length > keyringBytesMax) {
    throw keyringDamaged(what, `it has ${bytes.length} bytes, expected at most ${keyringBytesMax}`)
  }
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw keyringDamaged(what, bytes.length === 0 ? 'it is empty' : 'it is not JSON', cause)
  }
  const version: unknown = typeof json === 'object' && json !== null && 'formatVersion' in json && json.formatVersion
  if (typeof version === 'number' && version !== 1) {
    throw keyringDamaged(what, `its form has version ${version}, expected 1; a newer program may have written it`)
  }
  const parsed = fileSchema.safeParse(json)
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!
    throw keyringDamaged(what, `"${path.join('.')}" is wrong (${message})`)
  }
  const { checksum, authentication, ...content } = parsed.data
  if (hash('sha256', canonicalJson(content)) !== checksum) throw keyringDamaged(what, 'its checksum is wrong')
  if (!encode(content, authentication).equals(bytes)) {
    throw keyringDamaged(what, 'it is written in another way than this program writes; it is not made for editing')
  }
  requireSound(content, what)
  return { content, authentication }
}

/** Failure `keyring_damaged` unless whoever wrote the file had the key-encryption key. */
export function authenticate({ content, authentication }: KeyringFile, key: Uint8Array, what: string): void {
  const found = Buffer.from(authentication)
  const wanted = Buffer.from(authenticationOf(content, key))
  if (found.length === wanted.length && timingSafeEqual(found, wanted)) return
  throw keyringDamaged(what, 'somebody without its key has changed it: entries were added, removed or put back')
}

function authenticationOf(content: KeyringContent, key: Uint8Array): string {
  return createHmac('sha256', key).update(canonicalJson(content)).digest('hex')
}

function requireSound({ entries, evidenceKeys = [], keyEncryptionKey }: KeyringContent, what: string): void {
  const names = new Set(entries.map(({ environment, generation }) => `${environment} ${generation}`))
  if (names.size !== entries.length) throw keyringDamaged(what, 'a generation stands in it twice')
  for (const environment of environments) {
    const ofIt = entries.filter((entry) => entry.environment === environment)
    const active = ofIt.filter(({ state }) => state === 'active').length
    if (ofIt.length > 0 && active !== 1) {
      throw keyringDamaged(what, `${environment} has ${active} active generations, expected 1`)
    }
  }
  const signing = evidenceKeys.filter(({ state }) => state === 'active').length
  if (evidenceKeys.length > 0 && signing !== 1) throw keyringDamaged(what, `${signing} keys sign evidence, expected 1`)
  for (const entry of [...entries, ...evidenceKeys]) {
    if (!('wrapped' in entry)) continue
    const version = entry.wrapped.keyEncryptionKeyVersion
    if (version === keyEncryptionKey.version) continue
    throw keyringDamaged(what, `an entry is wrapped by key ${version}, expected ${keyEncryptionKey.version}`)
  }
}

export function keyringDamaged(what: string, found: string, cause?: unknown): Failure {
  return new Failure('keyring_damaged', `Cannot read ${what}: ${found}`, {
    facts: { hint: 'Put it back from its own copy, or from an export by `keys import`' },
    cause,
  })
}

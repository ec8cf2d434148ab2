import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { Failure } from '../base/failure.ts'
import { evidencePublicKey, keyIdOf } from '../model/evidence/signed-head.ts'
import type { KeyEncryptionKey } from './key-encryption-key.ts'
import { type EntryTools, withSecret } from './keyring-entries.ts'
import { evidenceKeysMax, type EvidenceKeyEntry } from './keyring-file.ts'

/** A key that signs the heads of the evidence ledger, as the rest of the program knows it. */
export interface EvidenceKey {
  /** keyIdOf() */
  readonly id: string
  readonly publicKey: KeyObject
  readonly createdAt: Date
  /** Undefined for the one that signs; of the others only the public part is left. */
  readonly retiredAt: Date | undefined
}

/** Ed25519 keys as PKCS #8: this, and 32 random bytes. */
const privatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex')

export function evidenceKeyOf(entry: EvidenceKeyEntry): EvidenceKey {
  const publicKey = evidencePublicKey(Buffer.from(entry.publicKey, 'base64'))
  return {
    id: keyIdOf(publicKey),
    publicKey,
    createdAt: new Date(entry.createdAt),
    retiredAt: entry.state === 'retired' ? new Date(entry.retiredAt) : undefined,
  }
}

/** A new key that signs from now on. The one that did so is retired: its private part goes, its public part stays. */
export function withNewEvidenceKey(
  entries: readonly EvidenceKeyEntry[],
  { key, random, now }: EntryTools,
): EvidenceKeyEntry[] {
  if (entries.length >= evidenceKeysMax) {
    throw new Failure('refused', `Cannot make an evidence key: the keyring has ${evidenceKeysMax} of them`)
  }
  const made = withSecret(Uint8Array.from(random(32)), (seed): EvidenceKeyEntry => {
    const publicKey = rawPublicKey(seed).toString('base64')
    const wrapped = key.wrapEvidenceKey({ publicKey, version: 1 }, seed, random)
    return { state: 'active', publicKey, version: 1, createdAt: now.toISOString(), wrapped }
  })
  return [...entries.map((entry) => retiredEvidenceKey(entry, now)), made]
}

/** Every key wrapped anew by another key-encryption key. */
export function rewrappedEvidenceKeys(
  entries: readonly EvidenceKeyEntry[],
  from: KeyEncryptionKey,
  { key, random }: Pick<EntryTools, 'key' | 'random'>,
): EvidenceKeyEntry[] {
  return entries.map((entry) => {
    if (entry.state === 'retired') return entry
    const version = entry.version + 1
    const { publicKey } = entry
    return withSecret(from.unwrapEvidenceKey(entry), (seed) => ({
      ...entry,
      version,
      wrapped: key.wrapEvidenceKey({ publicKey, version }, seed, random),
    }))
  })
}

/** The keys of two keyrings together: those of the other one that are not here are kept for what they signed. */
export function mergedEvidenceKeys(
  ours: readonly EvidenceKeyEntry[],
  theirs: readonly EvidenceKeyEntry[],
  theirKey: KeyEncryptionKey,
  tools: EntryTools,
): EvidenceKeyEntry[] {
  if (ours.length === 0) return rewrappedEvidenceKeys(theirs, theirKey, tools)
  const known = new Set(ours.map(({ publicKey }) => publicKey))
  const added = theirs.filter(({ publicKey }) => !known.has(publicKey))
  return [...added.map((entry) => retiredEvidenceKey(entry, tools.now)), ...ours]
}

/** The signature of a text by the active key, 128 hex digits. Failure `keyring_damaged` where its two parts do not belong together. */
export function signEvidenceText(
  entry: Extract<EvidenceKeyEntry, { state: 'active' }>,
  text: string,
  key: KeyEncryptionKey,
): { readonly key: string; readonly signature: string } {
  return withSecret(key.unwrapEvidenceKey(entry), (seed) => {
    if (rawPublicKey(seed).toString('base64') !== entry.publicKey) {
      throw new Failure(
        'keyring_damaged',
        'Cannot sign evidence: the public part of the key is not of its private part',
      )
    }
    const signature = sign(null, Buffer.from(text), privateKeyOf(seed)).toString('hex')
    return { key: evidenceKeyOf(entry).id, signature }
  })
}

function retiredEvidenceKey(entry: EvidenceKeyEntry, now: Date): EvidenceKeyEntry {
  if (entry.state === 'retired') return entry
  const { publicKey, version, createdAt } = entry
  return { state: 'retired', publicKey, version: version + 1, createdAt, retiredAt: now.toISOString() }
}

function privateKeyOf(seed: Uint8Array): KeyObject {
  const der = Buffer.concat([privatePrefix, seed])
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  der.fill(0)
  return key
}

function rawPublicKey(seed: Uint8Array): Buffer {
  const der = createPublicKey(privateKeyOf(seed)).export({ format: 'der', type: 'spki' })
  return der.subarray(der.length - 32)
}

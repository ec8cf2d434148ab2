import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto'
import { canonicalJson } from '../../base/canonical-json.ts'
import type { Environment } from '../policy/policy.ts'

/** Where a ledger stood at a time, as the keyring's evidence key says: all entries up to this one are as they were then. */
export interface LedgerHead {
  readonly environment: Environment
  /** Id of the ledger. */
  readonly ledger: string
  /** Heads of a ledger are counted from 1, without a gap. */
  readonly number: number
  /** The digest of the head before it; of the first one the ledger's id. */
  readonly previousHead: string
  /** The last entry that it covers, and its hash. */
  readonly sequence: number
  readonly hash: string
  readonly signedAt: Date
}

export interface SignedHead extends LedgerHead {
  /** Which key signed it: keyIdOf(). */
  readonly key: string
  /** Ed25519, 128 hex digits, over headText(). */
  readonly signature: string
}

/** What is signed. The first word keeps it apart from whatever else the key signs. */
export function headText({
  environment,
  ledger,
  number,
  previousHead,
  sequence,
  hash: of,
  signedAt,
}: LedgerHead): string {
  const head = { environment, ledger, number, previousHead, sequence, hash: of, signedAt: signedAt.toISOString() }
  return canonicalJson({ what: 'zakops-backup evidence head 1', ...head })
}

/** SHA-256, hex, over a head with its signature: what the next head names. */
export function headDigest(head: SignedHead): string {
  return hash('sha256', canonicalJson(headDocument(head)))
}

/** A head as it stands in an export and at the locations. */
export function headDocument(head: SignedHead): Record<string, unknown> {
  const { environment, ledger, number, previousHead, sequence, hash: of, signedAt, key, signature } = head
  const said = { environment, ledger, number, previousHead, sequence, hash: of, signedAt: signedAt.toISOString() }
  return { type: 'head', ...said, key, signature }
}

const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** The public key of these 32 bytes. */
export function evidencePublicKey(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([spkiPrefix, raw]), format: 'der', type: 'spki' })
}

/** What tells a key from others: the first 16 hex digits of the SHA-256 of its public part (SPKI, DER). */
export function keyIdOf(key: KeyObject): string {
  return hash('sha256', key.export({ format: 'der', type: 'spki' })).slice(0, 16)
}

/** Whether a text was signed by the private part of a key. */
export function isSignedBy(text: string, signature: string, key: KeyObject): boolean {
  return verify(null, Buffer.from(text), key, Buffer.from(signature, 'hex'))
}

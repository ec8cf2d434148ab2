import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { type EvidenceEntry, type EvidenceNote, nextEntry } from '../src/model/evidence/evidence-entry.ts'
import { exportHeader, exportLines, headerText } from '../src/model/evidence/evidence-export.ts'
import { headDigest, headText, keyIdOf, type SignedHead } from '../src/model/evidence/signed-head.ts'
import { sampleId } from './backup-samples.ts'

/** An Ed25519 key made of 32 bytes. */
export function sampleEvidenceKey(seed: Uint8Array): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  return { privateKey, publicKey: createPublicKey(privateKey) }
}

export interface SampleLedger {
  readonly entries: readonly EvidenceEntry[]
  readonly heads: readonly SignedHead[]
  readonly publicKey: KeyObject
  readonly text: string
}

export const sampleLedgerId = sampleId(0x1ed9e4)

const firstAt = Date.UTC(2026, 0, 1)

/** A ledger of so many entries with a head after each `every` of them, exported. */
export function sampleLedger(
  count: number,
  every: number,
  keys = sampleEvidenceKey(Buffer.alloc(32, 7)),
): SampleLedger {
  const entries: EvidenceEntry[] = []
  const end = () => ({ sequence: entries.length, hash: entries.at(-1)?.hash ?? sampleLedgerId })
  for (let number = 1; number <= count; number++) entries.push(nextEntry(end(), sampleNote(number)))
  return signedLedger(entries, every, keys)
}

/** Entries with their heads signed and the whole exported, whatever the entries are. */
export function signedLedger(
  entries: readonly EvidenceEntry[],
  every: number,
  { privateKey, publicKey }: ReturnType<typeof sampleEvidenceKey>,
  form: 'whole' | 'without the last head' = 'whole',
): SampleLedger {
  const key = keyIdOf(publicKey)
  const signed = (text: string): string => sign(null, Buffer.from(text), privateKey).toString('hex')
  const heads: SignedHead[] = []
  for (const entry of entries) {
    if (entry.sequence % every !== 0 && entry.sequence !== entries.length) continue
    const last = heads.at(-1)
    const head = {
      environment: 'production',
      ledger: sampleLedgerId,
      number: heads.length + 1,
      previousHead: last === undefined ? sampleLedgerId : headDigest(last),
      sequence: entry.sequence,
      hash: entry.hash,
      signedAt: new Date(entry.at.getTime() + 1000),
    } as const
    heads.push({ ...head, key, signature: signed(headText(head)) })
  }
  if (form === 'without the last head') heads.pop()
  const last = entries.at(-1)
  const end = { ledger: sampleLedgerId, sequence: entries.length, hash: last?.hash ?? sampleLedgerId }
  const header = exportHeader('production', end, heads, new Date(firstAt + 366 * 86_400_000))
  const lines = exportLines({ ...header, key, signature: signed(headerText(header)) }, entries, heads)
  return { entries, heads, publicKey, text: `${lines.join('\n')}\n` }
}

function sampleNote(number: number): EvidenceNote {
  const at = new Date(firstAt + number * 3_600_000)
  const facts = { backup: sampleId(number), source: 'documents', bytes: number * 1000, note: 'ünï "\\"' }
  return { at, kind: 'backup stored', actor: `run run-${number}`, facts }
}

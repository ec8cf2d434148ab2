import { hash } from 'node:crypto'
import { canonicalJson } from '../../base/canonical-json.ts'

/** What the ledger tells of. A ledger of a newer program may have other kinds, which count as entries all the same. */
export const evidenceKinds = [
  'run begun',
  'run ended',
  'step',
  'confirmation',
  'backup stored',
  'backup removed',
  'copy stored',
  'copy removed',
  'catalog rebuilt',
  'verification',
  'proof',
  'drill',
  'lesson',
  'key event',
  'policy version',
  'refusal',
  'alarm',
  'acknowledgement',
] as const
export type EvidenceKind = (typeof evidenceKinds)[number]

/** What happened, before it has its place in the ledger. */
export interface EvidenceNote {
  /** When it happened, as whoever records it says; the order of recording is the sequence. */
  readonly at: Date
  readonly kind: EvidenceKind
  /** Who did it: user and host, or the run or process. */
  readonly actor: string
  /** Plain data; dates become texts, and what is undefined is left out. No secrets. */
  readonly facts: Readonly<Record<string, unknown>>
}

/** An entry of the ledger. */
export interface EvidenceEntry {
  /** From 1, without a gap. */
  readonly sequence: number
  readonly at: Date
  readonly kind: string
  readonly actor: string
  readonly facts: Readonly<Record<string, unknown>>
  /** The hash of the entry before; of the first one the ledger's id. */
  readonly previousHash: string
  /** SHA-256, hex, over the canonical JSON of all the rest. */
  readonly hash: string
}

/** Where a ledger stands. */
export interface LedgerEnd {
  /** 64 hex digits, random, made with the ledger. */
  readonly ledger: string
  /** How many entries there are. */
  readonly sequence: number
  /** Of the last entry; the ledger's id where there is none. */
  readonly hash: string
}

/** The entry that a note becomes at the end of a ledger. */
export function nextEntry(end: Pick<LedgerEnd, 'sequence' | 'hash'>, note: EvidenceNote): EvidenceEntry {
  const { at, kind, actor } = note
  // Through JSON, so that what is hashed is what a reader of the stored text hashes.
  const facts = JSON.parse(canonicalJson(note.facts)) as EvidenceEntry['facts']
  const entry = { sequence: end.sequence + 1, at: new Date(at), kind, actor, facts, previousHash: end.hash }
  return { ...entry, hash: entryHash(entry) }
}

/** What the hash of an entry must be. */
export function entryHash({ sequence, at, kind, actor, facts, previousHash }: Omit<EvidenceEntry, 'hash'>): string {
  return hash('sha256', canonicalJson({ sequence, at: at.toISOString(), kind, actor, facts, previousHash }))
}

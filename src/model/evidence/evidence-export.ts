import { z } from 'zod'
import { canonicalJson } from '../../base/canonical-json.ts'
import { type Environment, environments } from '../policy/policy.ts'
import type { EvidenceEntry, LedgerEnd } from './evidence-entry.ts'
import { headDigest, headDocument, type SignedHead } from './signed-head.ts'

/**
 * The ledger as a file, JSON Lines in UTF-8: a header, the entries, the signed heads; each line canonical JSON, so that equal
 * content has equal bytes and every byte counts. The header is signed too, and says how much the file holds and where
 * it ends: what is cut off is missed.
 */

export const exportFormat = 'zakops-backup evidence'

/** What the header of an export says, before it is signed. */
export interface ExportHeader extends LedgerEnd {
  readonly environment: Environment
  readonly exportedAt: Date
  /** How many heads there are, and the digest of the last one; the ledger's id where there is none. */
  readonly heads: number
  readonly lastHead: string
}

export function exportHeader(
  environment: Environment,
  end: LedgerEnd,
  heads: readonly SignedHead[],
  exportedAt: Date,
): ExportHeader {
  const last = heads.at(-1)
  const lastHead = last === undefined ? end.ledger : headDigest(last)
  return { environment, ...end, exportedAt, heads: heads.length, lastHead }
}

/** What is signed of a header. */
export function headerText(header: ExportHeader): string {
  return canonicalJson({ what: 'zakops-backup evidence header 1', ...headerFields(header) })
}

function headerFields(header: ExportHeader): Record<string, unknown> {
  const { environment, ledger, sequence, hash: of, exportedAt, heads, lastHead } = header
  return { environment, ledger, sequence, hash: of, exportedAt: exportedAt.toISOString(), heads, lastHead }
}

/** The lines of an export. */
export function exportLines(
  header: ExportHeader & { readonly key: string; readonly signature: string },
  entries: readonly EvidenceEntry[],
  heads: readonly SignedHead[],
): string[] {
  const { key, signature } = header
  const first = { type: 'header', format: exportFormat, formatVersion: 1, ...headerFields(header), key, signature }
  return [
    canonicalJson(first),
    ...entries.map((entry) => canonicalJson({ type: 'entry', ...entry })),
    ...heads.map((head) => canonicalJson(headDocument(head))),
  ]
}

const digest = z.string().regex(/^[0-9a-f]{64}$/)
const keyId = z.string().regex(/^[0-9a-f]{16}$/)
const signature = z.string().regex(/^[0-9a-f]{128}$/)
const count = z.int().min(0)
const position = z.int().min(1)
const time = z.iso.datetime({ precision: 3 }).transform((text) => new Date(text))

const headerSchema = z.strictObject({
  type: z.literal('header'),
  format: z.literal(exportFormat),
  formatVersion: z.literal(1),
  environment: z.enum(environments),
  ledger: digest,
  sequence: count,
  hash: digest,
  exportedAt: time,
  heads: count,
  lastHead: digest,
  key: keyId,
  signature,
})

const entrySchema = z.strictObject({
  type: z.literal('entry'),
  sequence: position,
  at: time,
  kind: z.string().min(1),
  actor: z.string(),
  facts: z.record(z.string(), z.unknown()),
  previousHash: digest,
  hash: digest,
})

const headSchema = z.strictObject({
  type: z.literal('head'),
  environment: z.enum(environments),
  ledger: digest,
  number: position,
  previousHead: digest,
  sequence: position,
  hash: digest,
  signedAt: time,
  key: keyId,
  signature,
})

const lineSchema = z.discriminatedUnion('type', [headerSchema, entrySchema, headSchema])

export type ExportLine = z.output<typeof lineSchema>

/** What a line of an export says; a sentence of what is wrong where it is none that this program writes. */
export function readExportLine(text: string): ExportLine | { readonly type: 'fault'; readonly found: string } {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return { type: 'fault', found: 'it is not JSON' }
  }
  const parsed = lineSchema.safeParse(json)
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!
    return { type: 'fault', found: path.length === 0 ? message : `"${path.join('.')}" is wrong (${message})` }
  }
  if (canonicalJson(json) === text) return parsed.data
  return { type: 'fault', found: 'it is written in another way than this program writes' }
}

/** A head as it stands at a location. A sentence of what is wrong where it is none. */
export function readHeadText(text: string): SignedHead | string {
  const line = readExportLine(text.replace(/\n$/, ''))
  if (line.type === 'fault') return line.found
  if (line.type !== 'head') return `it is a ${line.type}`
  const { type: _, ...head } = line
  return head
}

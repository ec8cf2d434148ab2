import type { KeyObject } from 'node:crypto'
import { type EvidenceEntry, entryHash } from './evidence-entry.ts'
import { type ExportHeader, type ExportLine, headerText, readExportLine } from './evidence-export.ts'
import { type HeadFault, nextHeadFault } from './head-chain.ts'
import { headDigest, isSignedBy, keyIdOf, type SignedHead } from './signed-head.ts'

export const exportFaultKinds = [
  'header changed',
  'wrong signature',
  'edited',
  'removed',
  'reordered',
  'inserted',
  'tail cut',
  'head missing',
  'unsigned',
] as const

/** What an export is not as it was written by: the first place where that shows, and why. */
export interface ExportFault {
  readonly kind: (typeof exportFaultKinds)[number]
  /** Counted from 1. */
  readonly line: number
  /** The entry that is broken, where it is one. */
  readonly sequence: number | undefined
  readonly message: string
}

/** An export that was read: sound, or why not. */
export type VerifiedExport =
  | {
      readonly state: 'intact'
      readonly header: ExportHeader
      readonly entries: readonly EvidenceEntry[]
      readonly heads: readonly SignedHead[]
    }
  | { readonly state: 'broken'; readonly fault: ExportFault }

/**
 * Verifies an export with nothing but public keys: that each entry is as it was hashed, follows the one before it, is covered by
 * a signed head, and that nothing is missing at the end. An older genuine export is intact too: `exportedAt` tells
 * its age, and heads of the locations (missingHeads()) whether there is more.
 */
export function verifyExport(bytes: Uint8Array, keys: readonly KeyObject[]): VerifiedExport {
  try {
    return { state: 'intact', ...new ExportReader(bytes, keys).read() }
  } catch (error) {
    if (error instanceof BrokenExport) return { state: 'broken', fault: error.fault }
    throw error
  }
}

class BrokenExport extends Error {
  readonly fault: ExportFault

  constructor(fault: ExportFault) {
    super(fault.message)
    this.fault = fault
  }
}

type HeaderLine = Extract<ExportLine, { type: 'header' }>
type EntryLine = Extract<ExportLine, { type: 'entry' }>
type HeadLine = Extract<ExportLine, { type: 'head' }>

class ExportReader {
  readonly #lines: readonly Uint8Array[]
  readonly #keys: ReadonlyMap<string, KeyObject>
  /** Of the line that is read, counted from 0. */
  #at = 0

  constructor(bytes: Uint8Array, keys: readonly KeyObject[]) {
    this.#lines = linesOf(bytes)
    this.#keys = new Map(keys.map((key) => [keyIdOf(key), key]))
  }

  read(): { header: ExportHeader; entries: readonly EvidenceEntry[]; heads: readonly SignedHead[] } {
    const header = this.#readHeader()
    const entries = this.#readEntries(header)
    const heads = this.#readHeads(header, entries)
    if (this.#at < this.#lines.length - 1) this.#fail('inserted', 'there is more behind the last head')
    if (this.#lines[this.#at]?.length !== 0) this.#fail('tail cut', 'the last line does not end')
    const covered = heads.at(-1)?.sequence ?? 0
    if (covered < entries.length) {
      this.#fail('unsigned', `no head covers the entries from ${covered + 1} on`, covered + 1, covered + 1)
    }
    return { header, entries, heads }
  }

  #readHeader(): HeaderLine {
    const line = this.#line()
    if (line.type === 'fault') this.#fail('header changed', line.found)
    if (line.type !== 'header') this.#fail('header changed', `the first line is a ${line.type}, expected the header`)
    const key = this.#keys.get(line.key)
    if (key === undefined) this.#fail('wrong signature', this.#unknownKey(line.key))
    if (!isSignedBy(headerText(line), line.signature, key)) {
      this.#fail('header changed', 'the signature of the header is not of what it says')
    }
    this.#at += 1
    return line
  }

  #readEntries(header: HeaderLine): EvidenceEntry[] {
    const entries: EvidenceEntry[] = []
    let previousHash = header.ledger
    for (let number = 1; number <= header.sequence; number++) {
      const line = this.#line()
      if (line.type === 'fault') this.#failCutOr('edited', line.found, number)
      if (line.type !== 'entry')
        this.#fail('removed', `entry ${number} is not there, expected ${header.sequence}`, number)
      if (line.sequence !== number) this.#failOrder(line, number)
      if (entryHash(line) !== line.hash) this.#fail('edited', 'its hash is not of what it says', number)
      if (line.previousHash !== previousHash) {
        this.#fail('edited', `it does not follow the entry before it: one of them was changed and hashed anew`, number)
      }
      const { type: _, ...entry } = line
      entries.push(entry)
      previousHash = entry.hash
      this.#at += 1
    }
    if (this.#line().type === 'entry') {
      this.#fail('inserted', `there is an entry behind the last one, ${header.sequence}`, header.sequence + 1)
    }
    return entries
  }

  #readHeads(header: HeaderLine, entries: readonly EvidenceEntry[]): SignedHead[] {
    const heads: SignedHead[] = []
    while (heads.length < header.heads) {
      const line = this.#line()
      if (line.type === 'fault') this.#failCutOr('edited', line.found)
      if (line.type !== 'head') this.#fail('head missing', `head ${heads.length + 1} of ${header.heads} is not there`)
      const { type: _, ...head } = line
      const fault = nextHeadFault(head, heads.at(-1), { header, entries, keys: this.#keys })
      if (fault !== undefined) this.#failHead(fault, line)
      heads.push(head)
      this.#at += 1
    }
    const last = heads.at(-1)
    const [digest, end] = [last === undefined ? header.ledger : headDigest(last), entries.at(-1)?.hash ?? header.ledger]
    if (digest !== header.lastHead) this.#fail('head missing', 'the last head is not the one that the header names')
    if (end !== header.hash) this.#fail('edited', 'the last entry is not the one that the header names', entries.length)
    return heads
  }

  #line(at = this.#at): ReturnType<typeof readExportLine> {
    try {
      return readExportLine(decoder.decode(this.#lines[at] ?? new Uint8Array()))
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      return { type: 'fault', found: 'it is no UTF-8' }
    }
  }

  #failHead({ kind, found, sequence }: HeadFault, { number }: HeadLine): never {
    const line = sequence === undefined ? this.#at + 1 : sequence + 1
    this.#throw({ kind, line, sequence, message: `Head ${number}: ${found}` })
  }

  /** A number that is not the next one: the entry was moved, or one is gone, or there is one more. */
  #failOrder(line: EntryLine, wanted: number): never {
    const found = `entry ${line.sequence} stands where ${wanted} is expected`
    if (line.sequence < wanted) this.#fail('inserted', `${found}: it stands there a second time`, line.sequence)
    const isLater = this.#lines.some((_, at) => {
      if (at <= this.#at) return false
      const later = this.#line(at)
      return later.type === 'entry' && later.sequence === wanted
    })
    this.#fail(isLater ? 'reordered' : 'removed', isLater ? found : `${found}: it was removed`, wanted)
  }

  /** The last line, where it is no whole one, was cut. */
  #failCutOr(kind: ExportFault['kind'], found: string, sequence?: number): never {
    if (this.#at >= this.#lines.length - 1)
      this.#fail('tail cut', 'the file ends here, and the header says more', sequence)
    this.#fail(kind, found, sequence)
  }

  #unknownKey(id: string): string {
    const known = [...this.#keys.keys()].join(', ') || 'none'
    return `it is signed by key ${id}, and the public key that was given is ${known}`
  }

  #fail(kind: ExportFault['kind'], found: string, sequence?: number, line = this.#at): never {
    const what = sequence === undefined ? `Line ${line + 1}` : `Entry ${sequence}`
    this.#throw({ kind, line: line + 1, sequence, message: `${what}: ${found}` })
  }

  #throw(fault: ExportFault): never {
    throw new BrokenExport(fault)
  }
}

/** Refuses what is no UTF-8, and keeps a byte order mark, which no line has. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function linesOf(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = []
  let from = 0
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
    lines.push(bytes.subarray(from, end))
    from = end + 1
  }
  return [...lines, bytes.subarray(from)]
}

import type { EvidenceFilter } from '../catalog.ts'
import { canonicalJson } from '../../base/canonical-json.ts'
import {
  type EvidenceEntry,
  type EvidenceNote,
  type LedgerEnd,
  nextEntry,
} from '../../model/evidence/evidence-entry.ts'
import type { SignedHead } from '../../model/evidence/signed-head.ts'
import { environments, type LocationName } from '../../model/policy/policy.ts'
import { headFault } from '../head-fault.ts'
import type { CatalogStore } from './catalog-store.ts'
import { type Row, RowReader } from './row-reader.ts'

const insertEntry = `
  INSERT INTO ledger (sequence, at, kind, actor, facts, previous_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?)`

const insertHead = `
  INSERT INTO ledger_heads (number, environment, ledger, previous_head, sequence, hash, signed_at, key, signature)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`

/** One statement, so that id and last entry are of one moment. */
const selectEnd = `
  SELECT id, last.sequence, last.hash FROM ledger_identity
  LEFT JOIN (SELECT sequence, hash FROM ledger ORDER BY sequence DESC LIMIT 1) AS last ON true`

/** The evidence ledger of a catalog. */
export class SqliteLedger {
  readonly #store: CatalogStore

  constructor(store: CatalogStore) {
    this.#store = store
  }

  /**
   * Appends an entry. Only to be called within the transaction of what it is about (CatalogStore.atOnce()): that keeps
   * other processes from appending between the look at the end and the insert, and its commit is the entry's.
   */
  append(note: EvidenceNote): void {
    const { sequence, at, kind, actor, facts, previousHash, hash } = nextEntry(this.end(), note)
    this.#store.write(insertEntry, [sequence, at.getTime(), kind, actor, canonicalJson(facts), previousHash, hash])
  }

  /** Appends an entry unless the same note is there. */
  addOnce(note: EvidenceNote): void {
    this.#store.atOnce(() => {
      const { at, kind, actor, facts } = note
      const same = 'SELECT * FROM ledger WHERE at = ? AND kind = ? AND actor = ? AND facts = ?'
      const values = [at.getTime(), kind, actor, canonicalJson(facts)]
      if (this.#store.read(same, values, readEntry).length === 0) this.append(note)
    })
  }

  entries({ after = 0, first = -1, kinds }: EvidenceFilter): EvidenceEntry[] {
    const ofKinds = kinds === undefined ? '' : `AND kind IN (${kinds.map(() => '?').join(', ')})`
    return this.#store.read(
      `SELECT * FROM ledger WHERE sequence > ? ${ofKinds} ORDER BY sequence LIMIT ?`,
      [after, ...(kinds ?? []), first],
      readEntry,
    )
  }

  end(): LedgerEnd {
    const [end] = this.#store.read(selectEnd, [], (row, path): LedgerEnd => {
      const reader = new RowReader(row, `end of the ledger of the catalog "${path}"`)
      const ledger = reader.id('id')
      const sequence = reader.optional('sequence', (column) => reader.count(column)) ?? 0
      return { ledger, sequence, hash: sequence === 0 ? ledger : reader.id('hash') }
    })
    return end!
  }

  addHead(head: SignedHead): void {
    this.#store.atOnce(() => {
      const fault = headFault(head, this.heads())
      if (fault === 'there') return
      if (fault !== undefined) throw fault
      const { number, environment, ledger, previousHead, sequence, hash, signedAt, key, signature } = head
      const signed = [signedAt.getTime(), key, signature]
      this.#store.write(insertHead, [number, environment, ledger, previousHead, sequence, hash, ...signed])
    })
  }

  noteHeadsAt(location: LocationName, digests: readonly string[]): void {
    this.#store.atOnce(() => {
      for (const digest of digests)
        this.#store.write('INSERT OR IGNORE INTO head_copies (location, digest) VALUES (?, ?)', [location, digest])
    })
  }

  headsAt(location: LocationName): Set<string> {
    const digests = this.#store.read('SELECT digest FROM head_copies WHERE location = ?', [location], (row, path) =>
      new RowReader(row, `stored head of the catalog "${path}"`).text('digest'),
    )
    return new Set(digests)
  }

  heads(): SignedHead[] {
    return this.#store.read('SELECT * FROM ledger_heads ORDER BY number', [], readHead)
  }
}

function readEntry(row: Row, path: string): EvidenceEntry {
  const reader = new RowReader(row, `entry ${String(row.sequence)} of the ledger of the catalog "${path}"`)
  return {
    sequence: reader.count('sequence'),
    at: reader.date('at'),
    kind: reader.text('kind'),
    actor: reader.text('actor'),
    facts: reader.object('facts'),
    previousHash: reader.text('previous_hash'),
    hash: reader.text('hash'),
  }
}

function readHead(row: Row, path: string): SignedHead {
  const reader = new RowReader(row, `head ${String(row.number)} of the ledger of the catalog "${path}"`)
  return {
    number: reader.count('number'),
    environment: reader.oneOf('environment', environments),
    ledger: reader.text('ledger'),
    previousHead: reader.text('previous_head'),
    sequence: reader.count('sequence'),
    hash: reader.text('hash'),
    signedAt: reader.date('signed_at'),
    key: reader.text('key'),
    signature: reader.text('signature'),
  }
}

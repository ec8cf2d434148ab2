import { hash } from 'node:crypto'
import type { TableManifest } from '../../model/manifest.ts'
import { type BlockRange, chooseBlocks, describeBlocks, parseBlocks } from './block-sample.ts'
import type { DatabaseSession } from './database-session.ts'

/** How much of large tables is read. */
export type TableReading =
  /** Tables of more bytes are read in part, by blocks: for copies of the same files. */
  | { readonly kind: 'sample'; readonly tableBytesMax: number }
  /** Tables of more bytes are counted only: for copies that lie otherwise, as from a dump. */
  | { readonly kind: 'count'; readonly tableBytesMax: number }
  /** The same parts as another manifest has. */
  | { readonly kind: 'as before'; readonly tables: readonly TableManifest[] }

const unlogged = 'unlogged: a recovery empties it'
const unpopulated = 'a materialised view that was not filled'
const counted = 'counted only'

/** Every table and materialised view of a database, in the order of their names. */
export async function readTables(session: DatabaseSession, reading: TableReading): Promise<TableManifest[]> {
  const rows = await session.query(`
    SELECT format('%I.%I', n.nspname, c.relname) AS name, c.oid, c.relpersistence AS persistence,
           c.relispopulated AS populated, c.relfilenode AS filenode, pg_relation_size(c.oid) AS bytes, current_setting('block_size') AS block
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'm')
       AND (n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
            OR c.oid = 'pg_largeobject'::regclass AND has_table_privilege(c.oid, 'SELECT'))
     ORDER BY format('%I.%I', n.nspname, c.relname) COLLATE "C"`)
  const before = new Map(reading.kind === 'as before' ? reading.tables.map((table) => [table.name, table]) : [])
  const tables: TableManifest[] = []
  for (const row of rows) {
    const name = row.name!
    if (row.persistence === 'u') {
      tables.push({ name, rows: 0, digest: null, sampled: unlogged })
      continue
    }
    if (row.populated === 'f') {
      tables.push({ name, rows: 0, digest: null, sampled: unpopulated })
      continue
    }
    const part = partOf(reading, before.get(name), Number(row.bytes), Number(row.block))
    tables.push(await readTable(session, { name, oid: row.oid!, filenode: row.filenode! }, part))
  }
  return tables
}

/** What of a table is read. */
type Part =
  | { readonly kind: 'all' }
  | { readonly kind: 'blocks'; readonly ranges: readonly BlockRange[]; readonly sampled: string }
  | { readonly kind: 'count' }

function partOf(reading: TableReading, before: TableManifest | undefined, bytes: number, blockBytes: number): Part {
  if (reading.kind === 'as before') {
    if (before?.sampled === counted) return { kind: 'count' }
    const blocks = before?.sampled === undefined ? undefined : parseBlocks(before.sampled)
    return blocks === undefined
      ? { kind: 'all' }
      : { kind: 'blocks', ranges: blocks.ranges, sampled: describeBlocks(blocks.ranges, blocks.blocks) }
  }
  if (bytes <= reading.tableBytesMax) return { kind: 'all' }
  if (reading.kind === 'count') return { kind: 'count' }
  const blocks = Math.ceil(bytes / blockBytes)
  const ranges = chooseBlocks(blocks, Math.floor(reading.tableBytesMax / blockBytes))
  return { kind: 'blocks', ranges, sampled: describeBlocks(ranges, blocks) }
}

async function readTable(
  session: DatabaseSession,
  table: { readonly name: string; readonly oid: string; readonly filenode: string },
  part: Part,
): Promise<TableManifest> {
  const { name } = table
  // Two hashes of 64 bits of each row's text, added up: any order gives the same sums, and what hash partitioning
  // relies on never changes with the version. A row too large to be one text, or a lock that stays, is told.
  const digests = `sum(hashtextextended(row_text, 0))::text AS low, sum(hashtextextended(row_text, 1))::text AS high,`
  const found = await session.tryRow(
    `SELECT count(*) AS rows, ${part.kind === 'count' ? '' : digests}
            pg_relation_filenode(${table.oid}) AS filenode
       FROM (${sourceOf(name, part)}) AS source (row_text)`,
  )
  if ('refusal' in found) return { name, rows: 0, digest: null, sampled: `not read: ${found.refusal.message}` }
  const { row } = found
  // A view of rows does not hold back TRUNCATE and its like, which came between then.
  if (table.filenode !== '0' && row.filenode !== table.filenode)
    return { name, rows: 0, digest: null, sampled: 'not read: it was rewritten meanwhile' }
  const rows = Number(row.rows)
  if (part.kind === 'count') return { name, rows, digest: null, sampled: counted }
  const digest = hash('sha256', `${rows}:${row.low ?? 0}:${row.high ?? 0}`)
  return { name, rows, digest, ...(part.kind === 'blocks' && { sampled: part.sampled }) }
}

function sourceOf(name: string, part: Part): string {
  const select = part.kind === 'count' ? 'SELECT NULL' : 'SELECT "zakops row"::text'
  const from = `${select} FROM ONLY ${name} AS "zakops row"`
  if (part.kind !== 'blocks') return from
  return part.ranges
    .map(({ first, end }) => `${from} WHERE ctid >= '(${first},0)'::tid AND ctid < '(${end},0)'::tid`)
    .join(' UNION ALL ')
}

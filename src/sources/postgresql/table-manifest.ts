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

/**
 * What a table is in the catalogs: its name, its file, its columns, and the labels of enumerations where it may have such. A
 * view of rows holds back none of them, nor TRUNCATE and its like.
 */
const shape = `format('%I.%I', n.nspname, c.relname) || ' ' || c.relfilenode || ' ' ||
  coalesce((SELECT string_agg(concat_ws(':', attnum, atttypid, atttypmod, attisdropped, atthasmissing, attgenerated), ' '
                              ORDER BY attnum)
              FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0), '') || ' ' ||
  CASE WHEN EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND atttypid >= 16384)
       THEN (SELECT coalesce(sum(hashtextextended(oid::text || enumlabel, 0)), 0) FROM pg_enum) ELSE 0 END`

/**
 * Every table and materialised view of a database, in the order of their names. Where others may be at work, `witness` is
 * another session of the database, outside of any view: by it is told which tables were no longer read as the view has them.
 */
export async function readTables(
  session: DatabaseSession,
  reading: TableReading,
  witness?: DatabaseSession,
): Promise<TableManifest[]> {
  const rows = await session.query(`
    SELECT format('%I.%I', n.nspname, c.relname) AS name, c.oid, c.relpersistence AS persistence,
           c.relispopulated AS populated, ${shape} AS shape, pg_relation_size(c.oid) AS bytes, current_setting('block_size') AS block
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
    tables.push(await readTable(session, { name, oid: row.oid!, shape: row.shape!, witness }, part))
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
  table: {
    readonly name: string
    readonly oid: string
    readonly shape: string
    readonly witness: DatabaseSession | undefined
  },
  part: Part,
): Promise<TableManifest> {
  const { name, witness } = table
  // Two hashes of 64 bits of each row's text, added up: any order gives the same sums, and what hash partitioning
  // relies on never changes with the version. A row too large to be one text, or a lock that stays, is told.
  const digests = `, sum(hashtextextended(row_text, 0))::text AS low, sum(hashtextextended(row_text, 1))::text AS high`
  const found = await session.try(async () => {
    const row = await session.row(
      `SELECT count(*) AS rows${part.kind === 'count' ? '' : digests} FROM (${sourceOf(name, part)}) AS source (row_text)`,
    )
    const now = witness === undefined ? table.shape : await shapeOf(witness, table.oid)
    return { row, isSame: now === table.shape }
  })
  if ('refusal' in found) return { name, rows: 0, digest: null, sampled: `not read: ${found.refusal.message}` }
  const { row, isSame } = found.answer
  if (!isSame) return { name, rows: 0, digest: null, sampled: 'not read: it was changed or rewritten meanwhile' }
  const rows = Number(row.rows)
  if (part.kind === 'count') return { name, rows, digest: null, sampled: counted }
  const digest = hash('sha256', `${rows}:${row.low ?? 0}:${row.high ?? 0}`)
  return { name, rows, digest, ...(part.kind === 'blocks' && { sampled: part.sampled }) }
}

/** As it is now: the table is locked by who has read it. */
async function shapeOf(witness: DatabaseSession, oid: string): Promise<string | null | undefined> {
  const [row] = await witness.query(
    `SELECT ${shape} AS shape FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ${oid}`,
  )
  return row?.shape
}

function sourceOf(name: string, part: Part): string {
  const select = part.kind === 'count' ? 'SELECT NULL' : 'SELECT "zakops row"::text'
  const from = `${select} FROM ONLY ${name} AS "zakops row"`
  if (part.kind !== 'blocks') return from
  return part.ranges
    .map(({ first, end }) => `${from} WHERE ctid >= '(${first},0)'::tid AND ctid < '(${end},0)'::tid`)
    .join(' UNION ALL ')
}

import { hash } from 'node:crypto'
import type { TableManifest } from '../../model/manifest.ts'
import { type BlockRange, chooseBlocks, describeBlocks, parseBlocks } from './block-sample.ts'
import type { DatabaseSession } from './database-session.ts'
import { columnsQuery, type RowDigest, type RowHashing, rowHashing } from './row-hashing.ts'
import { shapeOf, shapeQuery } from './table-shape.ts'

/** How much of large tables is read. */
export type TableReading =
  /** Tables of more bytes are read in part, by blocks: for copies of the same files. */
  | { readonly kind: 'sample'; readonly tableBytesMax: number }
  /** Tables of more bytes are counted only: for copies that lie otherwise, as from a dump. */
  | { readonly kind: 'count'; readonly tableBytesMax: number }
  /** The same parts as another manifest has; what it does not name is read, or left out. */
  | {
      readonly kind: 'as before'
      readonly tables: readonly TableManifest[]
      readonly others: 'read' | 'ignore'
      readonly rowDigest: RowDigest
    }

const unlogged = 'unlogged: a recovery empties it'
const unpopulated = 'a materialised view that was not filled'
const counted = 'counted only'

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
           c.relispopulated AS populated, ${shapeQuery} AS shape, pg_relation_size(c.oid) AS bytes,
           current_setting('block_size') AS block, ${columnsQuery} AS columns
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
    if (reading.kind === 'as before' && reading.others === 'ignore' && !before.has(name)) continue
    if (row.persistence === 'u') {
      tables.push({ name, rows: 0, digest: null, sampled: unlogged })
      continue
    }
    if (row.populated === 'f') {
      tables.push({ name, rows: 0, digest: null, sampled: unpopulated })
      continue
    }
    const part = partOf(reading, before.get(name), Number(row.bytes), Number(row.block))
    const hashing = rowHashing(reading.kind === 'as before' ? reading.rowDigest : 'seeds', row.columns!)
    tables.push(await readTable(session, { name, oid: row.oid!, shape: row.shape!, hashing, witness }, part))
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
    readonly hashing: RowHashing
    readonly witness: DatabaseSession | undefined
  },
  part: Part,
): Promise<TableManifest> {
  const { name, hashing, witness } = table
  // A row too large to be read, or a lock that stays, is told.
  const found = await session.try(async () => {
    const row = await session.row(
      `SELECT count(*) AS rows${part.kind === 'count' ? '' : `, ${hashing.sums}`}
         FROM (${sourceOf(name, part, hashing)}) AS source (value)`,
    )
    // The table is still locked.
    return { row, isSame: witness === undefined || (await shapeOf(witness, table.oid)) === table.shape }
  })
  if ('refusal' in found) return { name, rows: 0, digest: null, sampled: `not read: ${found.refusal.message}` }
  const { row, isSame } = found.answer
  if (!isSame) return { name, rows: 0, digest: null, sampled: 'not read: it was changed or rewritten meanwhile' }
  const rows = Number(row.rows)
  if (part.kind === 'count') return { name, rows, digest: null, sampled: counted }
  const digest = hash('sha256', `${rows}:${row.low ?? 0}:${row.high ?? 0}`)
  return { name, rows, digest, ...(part.kind === 'blocks' && { sampled: part.sampled }) }
}

function sourceOf(name: string, part: Part, { value }: RowHashing): string {
  const from = `SELECT ${part.kind === 'count' ? 'NULL' : value} FROM ONLY ${name} AS "zakops row"`
  if (part.kind !== 'blocks') return from
  return part.ranges
    .map(({ first, end }) => `${from} WHERE ctid >= '(${first},0)'::tid AND ctid < '(${end},0)'::tid`)
    .join(' UNION ALL ')
}

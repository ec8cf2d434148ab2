import { hash } from 'node:crypto'
import type { TableManifest } from '../../model/manifest.ts'
import { type BlockRange, chooseBlocks, describeBlocks, parseBlocks } from './block-sample.ts'
import type { DatabaseSession } from './database-session.ts'
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

/** How a row is hashed: by its columns, or, as older manifests have it, by its text. */
export type RowDigest = 'columns' | 'text'

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
    const rowDigest = reading.kind === 'as before' ? reading.rowDigest : 'columns'
    const hashing = rowDigest === 'text' ? byText : byColumns(row.columns!)
    tables.push(await readTable(session, { name, oid: row.oid!, shape: row.shape!, hashing, witness }, part))
  }
  return tables
}

/**
 * Types of which equal hashes mean equal values as they would be written out, on every server: hash partitioning relies
 * on these hashes, so that they never change. Not so numbers with a scale, floats (0 and -0), intervals, enumerations
 * (by their place in a catalog) and what is made of others: these are hashed as texts, and so is what has no hash.
 */
const hashedTypes = ['bool', '"char"', 'int2', 'int4', 'oid', 'uuid', 'bytea', 'name', 'text', 'varchar', 'date']
  .map((type) => `'${type}'::regtype`)
  .join(', ')

/** The server hashes eight bytes as the four that their halves make together: 1 << 32 as 1, -1 as 4294967295. They go as bytes. */
const sentTypes = { int8: 'int8send', time: 'time_send', timestamp: 'timestamp_send', timestamptz: 'timestamptz_send' }
const sentCases = Object.entries(sentTypes)
  .map(([type, send]) => `WHEN a.atttypid = '${type}'::regtype THEN '${send}("zakops row".%I)'`)
  .join(' ')

/** Types above are the users', who may say what a cast of theirs to text does; it would be done in the name of who reads. */
const firstUserType = 16_384

/**
 * The columns of table c, as the members of a row. Text of a collation that takes unlike texts for equal goes by its bytes,
 * and that of a character type without a length keeps the blanks at its end, which a cast would drop.
 */
const columnsQuery = `
  (SELECT coalesce(string_agg(format(
            CASE ${sentCases}
                 WHEN (a.atttypid IN (${hashedTypes}) OR a.atttypid = 'bpchar'::regtype AND a.atttypmod > 0)
                      AND coalesce(l.collisdeterministic, true) THEN '"zakops row".%I'
                 WHEN a.atttypid = 'bpchar'::regtype THEN 'bpcharout("zakops row".%I)::text COLLATE "C"'
                 WHEN a.atttypid >= ${firstUserType} THEN 'ROW("zakops row".%I)::text COLLATE "C"'
                 ELSE '"zakops row".%I::text COLLATE "C"' END, a.attname),
            ', ' ORDER BY a.attnum), '')
     FROM pg_attribute a LEFT JOIN pg_collation l ON l.oid = a.attcollation
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)`

/** What is taken of each row, and the sums of it that make up a digest: any order gives the same ones. */
interface RowHashing {
  readonly value: string
  readonly sums: string
}

/**
 * The hash of a record adds up its columns', so that two rows that swap a value would go unnoticed: each is hashed once more; by
 * its digits, since eight bytes are hashed as four. One sum, since each would have the server hash the record anew.
 */
function byColumns(columns: string): RowHashing {
  return {
    value: `hash_record_extended(ROW(${columns}), 0)`,
    sums: 'sum(hashtextextended(value::text, 0))::text AS low, NULL AS high',
  }
}

/** As the server writes it out: a cast of its own type may be a user's. */
const byText: RowHashing = {
  value: 'record_out("zakops row")::text',
  sums: 'sum(hashtextextended(value, 0))::text AS low, sum(hashtextextended(value, 1))::text AS high',
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

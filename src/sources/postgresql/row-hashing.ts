/**
 * How a row is hashed: by its columns, the hash of each the seed of the next one's; or, as manifests of before have it, by its
 * columns as a record; or, as the oldest have it, by its text.
 */
export type RowDigest = 'seeds' | 'columns' | 'text'

/** What is taken of each row, and the sums of it that make up a digest: any order gives the same ones. */
export interface RowHashing {
  readonly value: string
  readonly sums: string
}

/** Types above are the users', who may say what a cast of theirs to text does; it would be done in the name of who reads. */
const firstUserType = 16_384

/**
 * The columns of table c, for rowHashing(). Of a DatabaseSession, whose search path is pg_catalog alone: types by these names are
 * the server's own, and so are all functions and operators that are called.
 */
export const columnsQuery = `
  (SELECT coalesce(json_agg(json_build_object(
            'name', format('"zakops row".%I', a.attname),
            'type', CASE WHEN a.atttypid >= ${firstUserType} THEN 'of a user'
                         WHEN a.atttypid = 'bpchar'::regtype AND a.atttypmod > 0 THEN 'character(n)'
                         ELSE a.atttypid::regtype::text END,
            'isByBytes', coalesce(l.collisdeterministic, true)) ORDER BY a.attnum), '[]')
     FROM pg_attribute a LEFT JOIN pg_collation l ON l.oid = a.attcollation
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)`

interface Column {
  /** As an expression, with the row that it is of. */
  readonly name: string
  readonly type: string
  /** Its collation takes no unlike texts for equal. */
  readonly isByBytes: boolean
}

/** For a table read AS "zakops row", of which columnsQuery told the columns. */
export function rowHashing(rowDigest: RowDigest, columns: string): RowHashing {
  if (rowDigest === 'text') return byText
  const known = JSON.parse(columns) as readonly Column[]
  return rowDigest === 'columns' ? byColumns(known) : bySeeds(known)
}

/** As the server writes it out: a cast of its own type may be a user's. */
const byText: RowHashing = {
  value: 'record_out("zakops row")::text',
  sums: 'sum(hashtextextended(value, 0))::text AS low, sum(hashtextextended(value, 1))::text AS high',
}

/**
 * The hash of a record adds up its columns', so that two rows that swap a value would go unnoticed: each is hashed once more; by
 * its digits, since eight bytes are hashed as four. One sum, since each would have the server hash the record anew.
 */
function byColumns(columns: readonly Column[]): RowHashing {
  return { value: recordHash(columns), sums: 'sum(hashtextextended(value::text, 0))::text AS low, NULL AS high' }
}

/** Calls within calls take the server's stack, of which there are 2 MiB by default. Manifests depend on this number. */
const seededMax = 100

/**
 * The server's functions mix a seed in, so that the hash of the columns before stands for them: neither two rows nor two columns
 * can swap a value unnoticed. Columns of types that no function hashes with a seed come first, together, as a record; so do those
 * of a very wide table that are too many.
 */
function bySeeds(columns: readonly Column[]): RowHashing {
  const seeded = columns.filter(({ type }) => !unseededTypes.has(type)).slice(0, seededMax)
  const others = columns.filter((column) => !seeded.includes(column))
  // The hash of a record alone would be blind to two rows that swap a value.
  let value = others.length === 0 ? undefined : `hashint4extended(0, ${recordHash(others)})`
  for (const column of seeded) {
    const mark = markOf(column)
    value = seededHash(column, value === undefined ? mark : `${value} # ${mark}`)
  }
  return { value: value ?? '0::bigint', sums: 'sum(value)::text AS low, NULL AS high' }
}

/**
 * What of a column is mixed into its seed: that it is NULL, which a column may be that is said not to be, of before that was
 * said. Eight bytes are hashed as the four that their halves make together: those and the upper half tell all.
 */
function markOf({ name, type }: Column): string {
  if (type === 'bigint') return `coalesce(${name} >> 32, 4294967296)` // More than any half.
  return `CASE WHEN ${name} IS NULL THEN 1::bigint ELSE 0 END`
}

/** Types of which no function that can be called by name, on 15 at least, hashes all values apart with a seed: a record's does. */
const unseededTypes: ReadonlySet<string> = new Set([
  'bytea',
  'date',
  'time without time zone',
  'timestamp without time zone',
  'timestamp with time zone',
])

/** The hash of a column of another type; not NULL where the column is, for no seed may be. */
function seededHash(column: Column, seed: string): string {
  const { name, type } = column
  switch (type) {
    case 'smallint':
    case 'integer':
    case 'boolean':
    case '"char"':
      return `hashint4extended(coalesce(${name}, '0')::int4, ${seed})`
    case 'bigint':
      return `hashint8extended(coalesce(${name}, 0), ${seed})`
    case 'oid':
      return `hashoidextended(coalesce(${name}, '0'), ${seed})`
    case 'uuid':
      return `uuid_hash_extended(coalesce(${name}, '00000000-0000-0000-0000-000000000000'), ${seed})`
    case 'name':
      return `hashnameextended(coalesce(${name}, ''), ${seed})`
    case 'character(n)':
      // Two of one length differ in more than the blanks at their ends, which are left out.
      return `hashbpcharextended(coalesce(${name}, '') COLLATE "C", ${seed})`
    default:
      return `hashtextextended(coalesce(${textOf(column)}, ''), ${seed})`
  }
}

/** NULLs are a zero in it. */
function recordHash(columns: readonly Column[]): string {
  return `hash_record_extended(ROW(${columns.map(memberOf).join(', ')}), 0)`
}

/**
 * Types of which equal hashes mean equal values as they would be written out, on every server: hash partitioning relies
 * on these hashes, so that they never change. Not so numbers with a scale, floats (0 and -0), intervals, enumerations
 * (by their place in a catalog) and what is made of others: these are hashed as texts, and so is what has no hash.
 */
const hashedTypes: ReadonlySet<string> = new Set([
  'boolean',
  '"char"',
  'smallint',
  'integer',
  'oid',
  'uuid',
  'bytea',
  'name',
  'text',
  'character varying',
  'character(n)',
  'date',
])

/** The server hashes eight bytes as the four that their halves make together: 1 << 32 as 1, -1 as 4294967295. They go as bytes. */
const sendFunctions: ReadonlyMap<string, string> = new Map([
  ['bigint', 'int8send'],
  ['time without time zone', 'time_send'],
  ['timestamp without time zone', 'timestamp_send'],
  ['timestamp with time zone', 'timestamptz_send'],
])

/** Text of a collation that takes unlike texts for equal goes by its bytes. */
function memberOf(column: Column): string {
  const send = sendFunctions.get(column.type)
  if (send !== undefined) return `${send}(${column.name})`
  return hashedTypes.has(column.type) && column.isByBytes ? column.name : textOf(column)
}

/** A character type without a length keeps the blanks at its end, which a cast would drop. */
function textOf({ name, type }: Column): string {
  if (type === 'character' || type === 'character(n)') return `bpcharout(${name})::text COLLATE "C"`
  if (type === 'of a user') return `ROW(${name})::text COLLATE "C"`
  return `${name}::text COLLATE "C"`
}

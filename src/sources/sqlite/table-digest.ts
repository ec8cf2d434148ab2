import { createHash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'

export interface TableDigest {
  readonly rows: number
  readonly digest: string
}

/** Values of more bytes stand in a row by their digest, so that no row is long. */
const valueBytesMax = 4096
/** Rows that SQLite joins into one piece, and about how many bytes such a piece may have. */
const rowsPerPieceMax = 500
const pieceBytesMax = 32 * 1024 * 1024
/** A function of SQLite takes 1000 arguments at most. */
const argumentsMax = 900

/**
 * Counts the rows of a table and makes a digest of every value in them, in the order of its key: the rowid, or the primary key
 * of a table without. Where rows lie in the file makes no difference. A row is its values, each followed by a comma, and a
 * line feed; a value is `NULL`, a number or a blob as SQLite's quote() writes it, a text as its length in bytes, a colon and
 * the text, and one of more than 4096 bytes its type, its length, a colon and its SHA-256. The database must have the
 * function zakops_digest().
 */
export function digestTable(database: DatabaseSync, table: string): TableDigest {
  const columns = columnsOf(database, table)
  const rowExpression = concat(
    columns.map((column) => `${valueExpression(quoteName(column.name))}, ','`),
    2,
  )
  const row = `concat(${rowExpression}, char(10))`
  const key = rowidName(columns)
  return key === undefined || isWithoutRowid(database, table)
    ? digestRows(database, `SELECT CAST(${row} AS BLOB) FROM ${quoteName(table)} NOT INDEXED`)
    : digestPieces(database, { table: quoteName(table), key, row, columns: columns.length })
}

interface Column {
  readonly name: string
}

/** By numbers of rows, which SQLite itself joins: several times as fast as one by one. */
function digestPieces(
  database: DatabaseSync,
  { table, key, row, columns }: { table: string; key: string; row: string; columns: number },
): TableDigest {
  const perRow = Math.max(1, columns) * 2 * valueBytesMax
  const limit = Math.max(1, Math.min(rowsPerPieceMax, Math.floor(pieceBytesMax / perRow)))
  const select = (bound: string): ReturnType<DatabaseSync['prepare']> => {
    const inner = `SELECT ${key} AS k, ${row} AS r FROM ${table} NOT INDEXED ${bound} ORDER BY ${key} LIMIT ${limit}`
    const statement = database.prepare(
      `SELECT max(k), count(*), CAST(group_concat(r, '' ORDER BY k) AS BLOB) FROM (${inner})`,
    )
    statement.setReturnArrays(true)
    statement.setReadBigInts(true)
    return statement
  }
  const digest = createHash('sha256')
  const next = select(`WHERE ${key} > ?`)
  let rows = 0n
  let piece = select('').get() as unknown as [bigint | null, bigint, Uint8Array]
  while (piece[0] !== null) {
    rows += piece[1]
    digest.update(piece[2])
    piece = next.get(piece[0]) as unknown as [bigint | null, bigint, Uint8Array]
  }
  return { rows: Number(rows), digest: digest.digest('hex') }
}

function digestRows(database: DatabaseSync, sql: string): TableDigest {
  const statement = database.prepare(sql)
  statement.setReturnArrays(true)
  const digest = createHash('sha256')
  let rows = 0
  let waiting: Uint8Array[] = []
  let waitingBytes = 0
  for (const values of statement.iterate()) {
    const [row] = values as unknown as [Uint8Array]
    rows++
    waiting.push(row)
    waitingBytes += row.length
    if (waitingBytes < 65_536) continue
    digest.update(Buffer.concat(waiting, waitingBytes))
    waiting = []
    waitingBytes = 0
  }
  digest.update(Buffer.concat(waiting, waitingBytes))
  return { rows, digest: digest.digest('hex') }
}

/** Columns that are stored; those that are generated follow from the others. */
function columnsOf(database: DatabaseSync, table: string): Column[] {
  const rows = database.prepare('SELECT name FROM pragma_table_info(?) ORDER BY cid').all(table)
  return rows.map((row) => ({ name: String(row['name']) }))
}

function isWithoutRowid(database: DatabaseSync, table: string): boolean {
  const row = database.prepare(`SELECT wr FROM pragma_table_list(?) WHERE schema = 'main'`).get(table)
  return row?.['wr'] === 1
}

/** A name by which the rowid can be asked for: one that is not the name of a column. */
function rowidName(columns: readonly Column[]): string | undefined {
  const taken = new Set(columns.map(({ name }) => name.toLowerCase()))
  return ['rowid', '_rowid_', 'oid'].find((name) => !taken.has(name))
}

function valueExpression(column: string): string {
  return (
    `CASE WHEN octet_length(${column}) > ${valueBytesMax} THEN ` +
    `typeof(${column}) || octet_length(${column}) || ':' || zakops_digest(CAST(${column} AS BLOB)) ` +
    `WHEN typeof(${column}) = 'text' THEN octet_length(${column}) || ':' || ${column} ELSE quote(${column}) END`
  )
}

/** A call of concat() for each so many terms, and around these as often as it takes. `width`: arguments that a term has. */
function concat(terms: readonly string[], width: number): string {
  const most = Math.floor(argumentsMax / width)
  if (terms.length <= most) return terms.join(', ')
  const parts: string[] = []
  for (let at = 0; at < terms.length; at += most) parts.push(`concat(${terms.slice(at, at + most).join(', ')})`)
  return concat(parts, 1)
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

import { inLanes } from '../../base/in-lanes.ts'
import { connectPostgresql, type PostgresqlConnection } from './connection.ts'

/** What amcheck found in one database. */
export interface AmcheckReport {
  readonly database: string
  /** `absent`: the server's installation has no amcheck. */
  readonly state: 'checked' | 'absent'
  readonly tables: number
  readonly indexes: number
  readonly faults: readonly { readonly relation: string; readonly detail: string }[]
}

const faultsPerRelationMax = 20
/** Temporary relations are another session's, and unlogged ones are empty after a recovery. */
const relations = `
  SELECT c.oid, n.nspname || '.' || c.relname AS name, c.relkind, pg_relation_size(coalesce(i.indrelid, c.oid)) AS bytes
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid
   WHERE c.relpersistence = 'p'
     AND (c.relkind IN ('r', 'm', 't') AND c.relam = (SELECT oid FROM pg_am WHERE amname = 'heap')
       OR c.relkind = 'i' AND c.relam = (SELECT oid FROM pg_am WHERE amname = 'btree') AND i.indisvalid AND i.indisready)
   ORDER BY pg_relation_size(c.oid) DESC, c.oid`

export interface AmcheckOptions {
  /**
   * Indexes of tables of more bytes are checked in themselves only, and not for each row of their table: that takes
   * several times as long as all else.
   */
  readonly indexedTableBytesMax: number
}

/** As restores and their tests have it. */
export const amcheckUsual: AmcheckOptions = { indexedTableBytesMax: 256 * 1024 * 1024 }
export const amcheckEverything: AmcheckOptions = { indexedTableBytesMax: Number.POSITIVE_INFINITY }

/**
 * Checks every table and every B-tree index of every database with PostgreSQL's amcheck: that pages and rows are what they must
 * be, that indexes are in order, and that each row of a table is in them. For a sandbox that may be written to: the
 * extension is made where it is missing, and dropped again.
 */
export async function amcheckSandbox(
  url: string,
  options: AmcheckOptions,
  signal: AbortSignal,
): Promise<AmcheckReport[]> {
  const reports: AmcheckReport[] = []
  for (const database of await databases(url, signal)) {
    await using held = new AsyncDisposableStack()
    const open = async (): Promise<PostgresqlConnection> =>
      held.use(await connectPostgresql({ url }, { kind: 'sql', database }, signal))
    reports.push({ database, ...(await checkDatabase(open, options, signal)) })
  }
  return reports
}

async function databases(url: string, signal: AbortSignal): Promise<string[]> {
  await using connection = await connectPostgresql({ url }, { kind: 'sql' }, signal)
  const rows = await connection.query('SELECT datname FROM pg_database WHERE datallowconn ORDER BY datname')
  return rows.map(({ datname }) => datname!)
}

async function checkDatabase(
  open: () => Promise<PostgresqlConnection>,
  { indexedTableBytesMax }: AmcheckOptions,
  signal: AbortSignal,
): Promise<Omit<AmcheckReport, 'database'>> {
  const connection = await open()
  const [available] = await connection.query(
    "SELECT installed_version FROM pg_available_extensions WHERE name = 'amcheck'",
  )
  if (available === undefined) return { state: 'absent', tables: 0, indexes: 0, faults: [] }
  const isOurs = available.installed_version === null
  // The cluster may have event triggers, which would run for an extension, and call what is outside.
  await connection.query('SET session_replication_role = replica')
  if (isOurs) await connection.query('CREATE EXTENSION amcheck')
  const { n: schema } = await connection.row(
    "SELECT quote_ident(nspname) AS n FROM pg_extension e JOIN pg_namespace s ON s.oid = e.extnamespace WHERE extname = 'amcheck'",
  )
  const faults: { relation: string; detail: string }[] = []
  const rows = await connection.query(relations)
  const connections = [connection, await open()]
  await inLanes(rows, connections.length, signal, async ({ oid, name, relkind, bytes }, lane) => {
    const one = connections[lane]!
    const withTable = Number(bytes) <= indexedTableBytesMax
    const sql =
      relkind === 'i'
        ? `SELECT ${schema}.bt_index_check(${oid}::regclass, ${withTable}) AS msg`
        : `SELECT msg FROM ${schema}.verify_heapam(${oid}::regclass) LIMIT ${faultsPerRelationMax}`
    try {
      for (const { msg } of await one.query(sql)) {
        if (relkind !== 'i') faults.push({ relation: name!, detail: msg ?? '' })
      }
    } catch (error) {
      const failure = one.failure(error)
      if (failure.code === 'stopped' || failure.code === 'connection_failed') throw failure
      faults.push({ relation: name!, detail: failure.message })
    }
  })
  if (isOurs) await connection.query('DROP EXTENSION amcheck')
  const indexes = rows.filter(({ relkind }) => relkind === 'i').length
  const sorted = faults.toSorted((a, b) => (a.relation < b.relation ? -1 : 1))
  return { state: 'checked', tables: rows.length - indexes, indexes, faults: sorted }
}

import { Client } from 'pg'
import type { PostgresqlServer } from './postgresql-server.ts'
import { queryServer } from './query-server.ts'

/** A row that was committed, and the places in the log that say so. */
export interface LedgerRow {
  readonly n: number
  readonly xid: number
  /** When its transaction ended, microseconds since 1970. */
  readonly endUs: bigint
  /** Behind its commit. */
  readonly lsn: string
  /** Of a restore point right behind its commit. */
  readonly point: string
}

/**
 * A table that tells what a recovery must and must not bring back: one row a transaction, numbered without a gap, so that a
 * recovery to row n must find 1 to n and nothing else. The server must have track_commit_timestamp on.
 */
export class Ledger implements AsyncDisposable {
  readonly rows: LedgerRow[] = []
  readonly #client: Client

  private constructor(client: Client) {
    this.#client = client
  }

  static async on(server: PostgresqlServer): Promise<Ledger> {
    const client = new Client({ connectionString: server.url })
    client.on('error', () => {}) // The server may be killed on purpose.
    await client.connect()
    await client.query('create table if not exists ledger (n int primary key, filler text)')
    const ledger = new Ledger(client)
    return ledger
  }

  /** Commits the next row; what it answers for is acknowledged. `fillerBytes` makes WAL that does not shrink. */
  async write(fillerBytes = 2000): Promise<LedgerRow> {
    const n = (this.rows.at(-1)?.n ?? 0) + 1
    const filler = `(select string_agg(md5(random()::text || g), '') from generate_series(1, ${Math.ceil(fillerBytes / 32)}) g)`
    const written = await this.#client.query<{ xid: string }>(
      `insert into ledger values (${n}, ${filler}) returning pg_current_xact_id()::text as xid`,
    )
    const xid = Number(BigInt(written.rows[0]!.xid) % 2n ** 32n)
    const point = `row ${n}`
    const facts = await this.#client.query<{ us: string; lsn: string }>(
      `select (extract(epoch from pg_xact_commit_timestamp('${xid}'::xid)) * 1000000)::bigint as us, pg_current_wal_lsn() as lsn, pg_create_restore_point('${point}')`,
    )
    const row = { n, xid, endUs: BigInt(facts.rows[0]!.us), lsn: facts.rows[0]!.lsn, point }
    this.rows.push(row)
    return row
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end().catch(() => {}) // The server may be gone.
  }
}

/** Why a recovered ledger is not that of row n; undefined where it is. */
export async function ledgerFault(url: string, n: number): Promise<string | undefined> {
  const found = await queryServer(url, 'select count(*), coalesce(min(n), 0), coalesce(max(n), 0) from ledger')
  const wanted = n === 0 ? '0|0|0' : `${n}|1|${n}`
  return found === wanted ? undefined : `count, first and last row are ${found}, expected ${wanted}`
}

import { isFailure } from '../../base/failure.ts'
import { connectPostgresql, type PostgresqlConnection, type Row } from './connection.ts'
import type { PostgresqlConnectionOptions } from './connection-options.ts'

/**
 * What the text of a value depends on, each at one setting, so that equal rows are equal texts on every server and for
 * every user. Row security off means: fail where it would hide rows. No view that took a table's place is read, since it could
 * run what its owner likes.
 */
const settings: Readonly<Record<string, string>> = {
  client_encoding: 'UTF8',
  datestyle: 'ISO, YMD',
  intervalstyle: 'iso_8601',
  timezone: 'UTC',
  extra_float_digits: '1',
  bytea_output: 'hex',
  xmlbinary: 'base64',
  lc_monetary: 'C',
  quote_all_identifiers: 'off',
  search_path: 'pg_catalog',
  row_security: 'off',
  restrict_nonsystem_relation_kind: 'view, foreign-table',
  statement_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
  transaction_timeout: '0',
  lock_timeout: '60s',
  synchronous_commit: 'local',
}

/** A connection to one database whose texts are always the same, and that can hold one view of it. */
export class DatabaseSession implements AsyncDisposable {
  readonly database: string
  readonly #connection: PostgresqlConnection

  private constructor(database: string, connection: PostgresqlConnection) {
    this.database = database
    this.#connection = connection
  }

  static async open(
    options: PostgresqlConnectionOptions,
    database: string,
    signal: AbortSignal,
  ): Promise<DatabaseSession> {
    const connection = await connectPostgresql(options, { kind: 'sql', database }, signal)
    try {
      await connection.query(
        `SELECT set_config(name, value, false)
           FROM jsonb_each_text($1::jsonb) AS wanted (name, value)
          WHERE EXISTS (SELECT FROM pg_settings WHERE lower(pg_settings.name) = wanted.name)`,
        [JSON.stringify(settings)],
      )
      return new DatabaseSession(database, connection)
    } catch (error) {
      await connection.close()
      throw error
    }
  }

  /** Begins a transaction in which every statement sees what the first one saw; one that is open is ended. */
  async beginView(): Promise<void> {
    await this.#connection.query('ROLLBACK')
    await this.#connection.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ')
  }

  /** Begins one that sees what another session of this database exported. */
  async joinView(snapshot: string): Promise<void> {
    await this.beginView()
    await this.#connection.query(`SET TRANSACTION SNAPSHOT '${snapshot.replaceAll("'", "''")}'`)
  }

  async endView(): Promise<void> {
    await this.#connection.query('ROLLBACK')
  }

  async query(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    return await this.#connection.query(sql, values)
  }

  async row(sql: string, values: readonly unknown[] = []): Promise<Row> {
    return await this.#connection.row(sql, values)
  }

  /**
   * What is read, or what the server said against it; the view stays as it was. Locks that it took are held until the
   * end of this, and let go of then.
   */
  async try<Answer>(read: () => Promise<Answer>): Promise<{ readonly answer: Answer } | { readonly refusal: Error }> {
    await this.#connection.query('SAVEPOINT trial')
    try {
      return { answer: await read() }
    } catch (error) {
      if (!isFailure(error) || isFailure(error, 'defect')) throw error
      return { refusal: error }
    } finally {
      await this.#connection.query('ROLLBACK TO SAVEPOINT trial') // Rejects where the connection itself is gone.
      await this.#connection.query('RELEASE SAVEPOINT trial')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close()
  }
}

/**
 * Databases that can be connected to, but for the two templates that every server is made with; in the order of their
 * names' bytes.
 */
export async function listDatabases(
  connection: Pick<PostgresqlConnection, 'query'>,
  { templates = 'of users' }: { readonly templates?: 'of users' | 'none' } = {},
): Promise<string[]> {
  const rows = await connection.query(
    `SELECT datname FROM pg_database
      WHERE datallowconn AND NOT (datistemplate AND ($1 = 'none' OR datname IN ('template0', 'template1')))
      ORDER BY datname COLLATE "C"`,
    [templates],
  )
  return rows.map((row) => row.datname!)
}

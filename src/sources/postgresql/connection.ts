import type { Socket } from 'node:net'
import { Client } from 'pg'
import { throwIfStopped } from '../../base/abort.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import { connectionFailure } from './connection-failure.ts'
import type { ConnectionPurpose, PostgresqlConnectionOptions } from './connection-options.ts'
import { SocketRing } from './socket-ring.ts'
import { clientConfig, databaseOf, describeServer, sslModeOf, urlOfDatabase } from './server-address.ts'

/** A row by the names of its columns; every value is the server's own text. */
export type Row = Readonly<Record<string, string | null>>

/**
 * One connection to a PostgreSQL server. When `signal` is aborted it is cut at once, and what waits for it rejects
 * with Failure `stopped`. Not for two users at the same time.
 */
export class PostgresqlConnection implements AsyncDisposable {
  /** For messages: host and port. */
  readonly server: string
  /** Where the socket's bytes go, of a replication connection that is not encrypted. */
  readonly ring: SocketRing | undefined
  readonly #client: Client
  readonly #signal: AbortSignal
  readonly #cut: () => void
  #lost: Error | undefined

  constructor(client: Client, server: string, signal: AbortSignal, ring?: SocketRing) {
    this.#client = client
    this.server = server
    this.ring = ring
    this.#signal = signal
    this.#cut = () => {
      this.socket.destroy()
    }
    client.on('error', (error: Error) => {
      this.#lost ??= error // Whoever uses the connection next is told.
    })
    signal.addEventListener('abort', this.#cut)
  }

  /** For those who speak the protocol themselves; nobody may use query() any more then. */
  get socket(): Socket {
    return (this.#client as unknown as { connection: { stream: Socket } }).connection.stream
  }

  /** Runs one statement. Values go in as parameters $1 … where there are any, which replication connections do not take. */
  async query(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      if (this.#lost !== undefined) throw this.#lost
      const answer = await this.#client.query<Record<string, string | null>>(
        values.length === 0 ? { text: sql } : { text: sql, values: [...values] },
      )
      return answer.rows
    } catch (error) {
      throw this.failure(error)
    }
  }

  /** The first row of the answer; Failure `defect` where there is none. */
  async row(sql: string, values: readonly unknown[] = []): Promise<Row> {
    const [row] = await this.query(sql, values)
    if (row === undefined)
      throw new Failure('defect', `Cannot read PostgreSQL "${this.server}": no row came for ${sql}`)
    return row
  }

  /** The Failure behind an error of this connection; `stopped` once the signal is aborted. */
  failure(error: unknown): Failure {
    if (isFailure(error)) return error
    try {
      throwIfStopped(this.#signal)
    } catch (stopped) {
      return stopped as Failure
    }
    return connectionFailure(error, `Cannot read PostgreSQL "${this.server}"`)
  }

  async close(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#cut)
    if (this.socket.destroyed) return
    try {
      await this.#client.end()
    } catch {
      this.socket.destroy() // It is gone already.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/** Opens a connection. Failures `connection_failed` and `access_denied`, with what to change in `facts.hint`. */
export async function connectPostgresql(
  options: PostgresqlConnectionOptions,
  purpose: ConnectionPurpose,
  signal: AbortSignal,
): Promise<PostgresqlConnection> {
  throwIfStopped(signal)
  const mode = sslModeOf(options.url)
  if (mode === 'disable' || mode === 'allow' || isSocketUrl(options.url))
    return await open(options, purpose, false, signal)
  try {
    return await open(options, purpose, true, signal)
  } catch (error) {
    if (mode !== 'prefer' || !(error instanceof Failure) || !/does not support SSL/.test(error.message)) throw error
    return await open(options, purpose, false, signal)
  }
}

async function open(
  options: PostgresqlConnectionOptions,
  purpose: ConnectionPurpose,
  encrypt: boolean,
  signal: AbortSignal,
): Promise<PostgresqlConnection> {
  const url =
    purpose.kind !== 'replication' && purpose.database !== undefined
      ? urlOfDatabase(options.url, purpose.database)
      : options.url
  const server = describeServer(url)
  let connection: PostgresqlConnection | undefined
  try {
    const ring = purpose.kind === 'replication' && !encrypt ? new SocketRing() : undefined
    const client = new Client({
      ...clientConfig({ ...options, url }, encrypt),
      ...replicationOf(purpose),
      ...(ring !== undefined && { stream: () => ring.socket }),
    })
    // The driver leaves some signs of a name as the URL has them: "%2F" is no name's "/" to it.
    const parameters = (client as unknown as { connectionParameters: { database: string } }).connectionParameters
    parameters.database = databaseOf(url) ?? parameters.database
    if (options.password !== undefined) client.password = options.password
    connection = new PostgresqlConnection(client, server, signal, ring)
    await client.connect()
    return connection
  } catch (error) {
    connection?.socket.destroy()
    throwIfStopped(signal)
    throw connectionFailure(error, `Cannot connect to PostgreSQL "${server}"`)
  }
}

function replicationOf(purpose: ConnectionPurpose): object {
  if (purpose.kind === 'sql') return {}
  // It may have nothing to do for as long as a backup takes, and takes no SET.
  const options = '-c idle_session_timeout=0'
  return { replication: purpose.kind === 'replication' ? 'true' : 'database', options }
}

function isSocketUrl(url: string): boolean {
  return /[?&]host=(%2f|\/)/i.test(url) || /^[a-z]+:\/\/(?:[^@/?#]*@)?%2f/i.test(url)
}

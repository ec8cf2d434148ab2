import type { Socket } from 'node:net'
import { Client } from 'pg'
import { throwIfStopped } from '../../base/abort.ts'
import type { Clock } from '../../base/clock.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import { connectionFailure, isServerState } from './connection-failure.ts'
import type { ConnectionPurpose, PostgresqlConnectionOptions } from './connection-options.ts'
import { ServerPulse, type SessionState, silenceMs } from './server-pulse.ts'
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
  readonly #watch: Watch | undefined
  #lost: Error | undefined

  constructor(
    client: Client,
    server: string,
    signal: AbortSignal,
    more: { readonly ring: SocketRing | undefined; readonly watch: Watch | undefined },
  ) {
    this.#client = client
    this.server = server
    this.ring = more.ring
    this.#watch = more.watch
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
    const statement = values.length === 0 ? { text: sql } : { text: sql, values: [...values] }
    return (await this.#ask(() => this.#client.query<Record<string, string | null>>(statement))).rows
  }

  /** The first value of the first row that the last of these statements answers; undefined where there is none, or NULL. */
  async value(sql: string): Promise<string | undefined> {
    // As arrays: columns may be called alike, or by numbers, which an object would put first.
    const answer = await this.#ask(() => this.#client.query<(string | null)[]>({ text: sql, rowMode: 'array' }))
    return [answer].flat().at(-1)?.rows[0]?.[0] ?? undefined
  }

  async #ask<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    try {
      if (this.#lost !== undefined) throw this.#lost
      return await this.#whileAlive(ask())
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

  /**
   * Looks whether the server hangs whenever `isSilent` says that it is waited for, until `over` is aborted; rejects where it
   * does. Nothing happens where no clock was given. `look`, which rejects then: by asking over another connection where it is
   * not given.
   */
  async watch(isSilent: () => boolean, over: AbortSignal, look?: () => void): Promise<void> {
    if (this.#watch === undefined) return
    const { clock, ask } = this.#watch
    const signal = AbortSignal.any([this.#signal, over])
    const pulse = new ServerPulse((asking) => ask(this.#processId, asking), clock, this.server)
    for (;;) {
      await clock.sleep(silenceMs, signal)
      if (!isSilent()) pulse.forget()
      else if (look === undefined) await pulse.look(signal)
      else look()
    }
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
    const over = new AbortController()
    const patience = this.#watch?.clock.sleep(closeMsMax, over.signal)
    patience?.then(this.#cut, () => {})
    try {
      await this.#client.end()
    } catch {
      this.socket.destroy() // It is gone already.
    } finally {
      over.abort()
    }
  }

  /** By which the server knows this session. */
  get #processId(): number {
    return (this.#client as unknown as { processID: number | null }).processID ?? 0
  }

  /** Rejects where the server turns out to hang; what is waited for is given up then. */
  async #whileAlive<Answer>(work: Promise<Answer>): Promise<Answer> {
    if (this.#watch === undefined) return await work
    const over = new AbortController()
    work.catch(() => {}) // It is cut below where the server hangs.
    const hang = this.watch(() => true, over.signal).then(() => work)
    try {
      return await Promise.race([work, hang])
    } catch (error) {
      if (isFailure(error)) this.#cut() // Not the server's own word: that comes as the driver's error.
      throw error
    } finally {
      over.abort()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/** A server that does not see a session off within so long is not waited for, ms. */
const closeMsMax = 10_000

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
    connection = new PostgresqlConnection(client, server, signal, { ring, watch: watchOf(options) })
    await client.connect()
    return connection
  } catch (error) {
    connection?.socket.destroy()
    throwIfStopped(signal)
    throw connectionFailure(error, `Cannot connect to PostgreSQL "${server}"`)
  }
}

/** What a connection needs to ask after itself. */
interface Watch {
  readonly clock: Clock
  readonly ask: (processId: number, signal: AbortSignal) => Promise<SessionState>
}

function watchOf({ clock, ...options }: PostgresqlConnectionOptions): Watch | undefined {
  if (clock === undefined) return undefined
  return { clock, ask: async (processId, signal) => await askAfter(options, processId, signal) }
}

async function askAfter(
  options: PostgresqlConnectionOptions,
  processId: number,
  signal: AbortSignal,
): Promise<SessionState> {
  try {
    await using another = await connectPostgresql(options, { kind: 'sql' }, signal)
    const row = await another.row(
      `SELECT (SELECT coalesce(state, 'active') FROM pg_stat_activity WHERE pid = wanted) AS state, phase, backup_streamed
         FROM (SELECT $1::int) AS asked (wanted) LEFT JOIN pg_stat_progress_basebackup ON pid = wanted`,
      [String(processId)],
    )
    return {
      state: row.state ?? undefined,
      phase: row.phase ?? undefined,
      streamed: row.backup_streamed ?? undefined,
    }
  } catch (error) {
    // A server that refuses us, as for want of a free connection, lives.
    if (!isFailure(error) || !isServerState(error.facts.state)) throw error
    return { state: 'active', phase: undefined, streamed: undefined }
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

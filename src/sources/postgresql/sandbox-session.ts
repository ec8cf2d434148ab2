import { Client } from 'pg'
import { Failure } from '../../base/failure.ts'

/** The server is on this machine, and is asked for nothing large. */
const timeoutMs = 60_000

type Row = Readonly<Record<string, string | null>>

/**
 * Runs one statement in a sandbox; every value comes as the server's text. Failure `connection_failed` where nobody
 * answers, `database_unreadable` where the server refuses the statement.
 */
export async function querySandbox(url: string, sql: string): Promise<Row[]> {
  await using session = new SandboxSession(url)
  return await session.query(sql)
}

/**
 * Asks a sandbox over and over. A connection for each question would take the server and us longer than the question, and
 * from its replay. It stays out of replay's way: between questions it holds no snapshot, and where replay ends it all
 * the same (a database that is dropped), the next question comes over a new one.
 */
export class SandboxSession implements AsyncDisposable {
  readonly #url: string
  #client: Client | undefined

  constructor(url: string) {
    this.#url = url
  }

  /** Failures as of querySandbox(). What fails over a connection that was there before is asked again over a new one. */
  async query(sql: string): Promise<Row[]> {
    if (this.#client !== undefined) {
      try {
        return (await this.#client.query<Record<string, string | null>>(sql)).rows
      } catch {
        await this.#end() // Whether it was the connection or the statement: the new one tells.
      }
    }
    const client = await this.#connect()
    try {
      return (await client.query<Record<string, string | null>>(sql)).rows
    } catch (cause) {
      await this.#end()
      throw new Failure('database_unreadable', 'Cannot query the sandbox', { cause })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end()
  }

  async #connect(): Promise<Client> {
    const client = new Client({
      connectionString: this.#url,
      application_name: 'zakops-backup',
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      types: { getTypeParser: () => (value: string | Buffer) => value },
    })
    client.on('error', () => {}) // A query that runs reports it too, and the next one finds it.
    try {
      await client.connect()
    } catch (cause) {
      throw new Failure('connection_failed', 'Cannot connect to the sandbox', { cause })
    }
    this.#client = client
    return client
  }

  async #end(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    await client?.end().catch(() => {}) // What a query said says more.
  }
}

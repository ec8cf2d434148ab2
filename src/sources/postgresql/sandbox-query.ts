import { Client } from 'pg'
import { Failure } from '../../base/failure.ts'

/** The server is on this machine, and is asked for nothing large. */
const timeoutMs = 60_000

/**
 * Runs one statement in a sandbox; every value comes as the server's text. Failure `connection_failed` where nobody
 * answers, `database_unreadable` where the server refuses the statement.
 */
export async function querySandbox(url: string, sql: string): Promise<Readonly<Record<string, string | null>>[]> {
  const client = new Client({
    connectionString: url,
    application_name: 'zakops-backup',
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    types: { getTypeParser: () => (value: string | Buffer) => value },
  })
  client.on('error', () => {}) // A query that runs reports it too.
  try {
    await client.connect()
  } catch (cause) {
    throw new Failure('connection_failed', 'Cannot connect to the sandbox', { cause })
  }
  try {
    return (await client.query<Record<string, string | null>>(sql)).rows
  } catch (cause) {
    throw new Failure('database_unreadable', 'Cannot query the sandbox', { cause })
  } finally {
    await client.end().catch(() => {}) // The query's own error says more.
  }
}

import { Client } from 'pg'
import { databaseOf } from '../src/sources/postgresql/server-address.ts'

/** Runs statements on any server, as `psql -At` would: a line a row, "|" between columns. */
export async function queryServer(url: string, sql: string): Promise<string> {
  const client = new Client({
    connectionString: url,
    types: { getTypeParser: () => (value: string | Buffer) => value },
  })
  const parameters = (client as unknown as { connectionParameters: { database: string } }).connectionParameters
  parameters.database = databaseOf(url) ?? parameters.database
  client.on('error', () => {}) // A query that runs reports it too.
  await client.connect()
  try {
    const answer = (await client.query({ text: sql, rowMode: 'array' })) as unknown as QueryAnswer | QueryAnswer[]
    const rows = [answer].flat().flatMap((one) => one.rows)
    return rows.map((row) => row.map((value) => value ?? '').join('|')).join('\n')
  } finally {
    await client.end().catch(() => {}) // The query's own error says more.
  }
}

interface QueryAnswer {
  readonly rows: readonly (readonly (string | null)[])[]
}

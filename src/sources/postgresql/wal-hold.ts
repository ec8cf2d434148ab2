import type { PostgresqlConnection } from './connection.ts'

/**
 * Has the server keep all WAL from now on until the connection ends: by a temporary physical slot, which is the
 * server's own to drop. The connection must be one for replication.
 */
export async function holdWal(connection: PostgresqlConnection, slot: string): Promise<void> {
  await connection.query(`CREATE_REPLICATION_SLOT "${slot}" TEMPORARY PHYSICAL RESERVE_WAL`)
}

/** Text of a timeline's history file; undefined for the first timeline, which has none. */
export async function readTimelineHistory(
  connection: PostgresqlConnection,
  timeline: number,
): Promise<{ readonly name: string; readonly content: Buffer } | undefined> {
  if (timeline === 1) return undefined
  const row = await connection.row(`TIMELINE_HISTORY ${timeline}`)
  const content: unknown = row.content
  return {
    name: row.filename!,
    content: Buffer.isBuffer(content) ? content : Buffer.from(String(content), 'utf8'),
  }
}

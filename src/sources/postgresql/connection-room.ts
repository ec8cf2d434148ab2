import { Failure } from '../../base/failure.ts'
import type { PostgresqlConnection } from './connection.ts'

/** One that has the log written out, one for a database, one that looks beside it. */
const sessionsNeeded = 3
/** More databases than this are not held open at a time, whatever room there is. */
const heldMax = 50

/**
 * How many databases may be held open at a time: half of the connections that are free now, so that others find some.
 * Failure `connection_failed` where there are not even as many as one database takes.
 */
export async function databasesAtATime(sql: PostgresqlConnection): Promise<number> {
  const row = await sql.row(`
    SELECT current_setting('max_connections')::int AS max,
           current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
             - coalesce(current_setting('reserved_connections', true), '0')::int
             - (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL) AS free,
           (SELECT rolconnlimit - (SELECT count(*) FROM pg_stat_activity WHERE usename = current_user)
              FROM pg_roles WHERE rolname = current_user AND rolconnlimit >= 0 AND NOT rolsuper) AS own`)
  const free = Math.min(Number(row.free), row.own == null ? Number.POSITIVE_INFINITY : Number(row.own))
  if (free >= sessionsNeeded) return Math.max(1, Math.min(heldMax, Math.floor(free / 2)))
  const found = `${Math.max(0, free)} of ${row.max} connections are free for it`
  throw new Failure('connection_failed', `Cannot take a manifest of PostgreSQL "${sql.server}": ${found}, expected 3`, {
    facts: {
      hint: 'Raise max_connections in postgresql.conf and restart the server, or end sessions that nobody needs; where the role has a CONNECTION LIMIT, raise that',
    },
  })
}

/** How many rows were written in each database, as the server counts them; for comparing with a later count. */
export async function countWrites(sql: Pick<PostgresqlConnection, 'query'>): Promise<ReadonlyMap<string, number>> {
  const rows = await sql.query(
    'SELECT datname, tup_inserted + tup_updated + tup_deleted AS writes FROM pg_stat_database WHERE datname IS NOT NULL',
  )
  return new Map(rows.map(({ datname, writes }) => [datname!, Number(writes)]))
}

import type { Clock } from '../../base/clock.ts'

/** Where a PostgreSQL server is, and who asks. */
export interface PostgresqlConnectionOptions {
  /**
   * A libpq URL: "postgresql://user@host:port/database", a unix socket as "?host=/folder"; `sslmode`, `sslrootcert`,
   * `sslcert`, `sslkey`, `connect_timeout` and `application_name` mean what they mean to libpq.
   */
  readonly url: string
  /** Where it is not given: that of the URL, of ~/.pgpass, or none. */
  readonly password?: string
  /** How long the server may take to let us in, ms. `connect_timeout` of the URL goes before it. */
  readonly connectTimeoutMs?: number
  /** Where it is given, a server that hangs with its socket open is noticed; else it is waited for as long as it takes. */
  readonly clock?: Clock
}

/** What a connection is for. */
export type ConnectionPurpose =
  /** SQL in the database that the URL names, or in another one. */
  | { readonly kind: 'sql'; readonly database?: string }
  /** Commands of physical replication, in no database. */
  | { readonly kind: 'replication' }
  /** Commands of logical replication, and simple SQL, in a database. */
  | { readonly kind: 'logical replication'; readonly database?: string }

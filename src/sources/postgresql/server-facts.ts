import { Failure } from '../../base/failure.ts'
import type { PostgresqlConnection } from './connection.ts'

/** What must be known of a server before it is backed up. */
export interface ServerFacts {
  /** 150018 is 15.18. */
  readonly version: number
  /** 15 */
  readonly major: number
  readonly systemIdentifier: string
  readonly isStandby: boolean
  readonly walLevel: string
  readonly walSenders: { readonly max: number }
  readonly replicationSlots: { readonly max: number; readonly used: number }
  /** Whether WAL summaries are kept, which incremental backups need; they came with 17. */
  readonly summarizesWal: boolean
  readonly hasChecksums: boolean
  readonly walSegmentBytes: number
  readonly blockBytes: number
  readonly walBlockBytes: number
  /** Of all databases together, about. */
  readonly clusterBytes: number
  readonly user: { readonly name: string; readonly mayReplicate: boolean; readonly isSuperuser: boolean }
}

/** The oldest version whose BASE_BACKUP speaks as this program does. */
const majorMin = 15

export async function readServerFacts(connection: PostgresqlConnection): Promise<ServerFacts> {
  const row = await connection.row(`
    SELECT current_setting('server_version_num') AS version,
           (SELECT system_identifier FROM pg_control_system()) AS system,
           pg_is_in_recovery() AS standby,
           current_setting('wal_level') AS wal_level,
           current_setting('max_wal_senders') AS senders,
           current_setting('max_replication_slots') AS slots,
           (SELECT count(*) FROM pg_replication_slots) AS slots_used,
           coalesce(current_setting('summarize_wal', true), 'off') AS summarize,
           current_setting('data_checksums') AS checksums,
           (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size') AS segment,
           current_setting('block_size') AS block,
           current_setting('wal_block_size') AS wal_block,
           (SELECT sum(pg_database_size(oid)) FROM pg_database WHERE has_database_privilege(oid, 'CONNECT')) AS bytes,
           current_user AS name,
           (SELECT rolreplication FROM pg_roles WHERE rolname = current_user) AS replication,
           (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS super`)
  const version = Number(row.version)
  return {
    version,
    major: Math.floor(version / 10_000),
    systemIdentifier: row.system!,
    isStandby: row.standby === 't',
    walLevel: row.wal_level!,
    walSenders: { max: Number(row.senders) },
    replicationSlots: { max: Number(row.slots), used: Number(row.slots_used) },
    summarizesWal: row.summarize === 'on',
    hasChecksums: row.checksums === 'on',
    walSegmentBytes: Number(row.segment),
    blockBytes: Number(row.block),
    walBlockBytes: Number(row.wal_block),
    clusterBytes: Number(row.bytes),
    user: {
      name: row.name!,
      isSuperuser: row.super === 't',
      mayReplicate: row.super === 't' || row.replication === 't',
    },
  }
}

/** Failure `access_denied` or `unsupported` where this server, as it is set up, does not let itself be backed up physically. */
export function requirePhysicalBackup(facts: ServerFacts, server: string): void {
  const refuse = (code: 'access_denied' | 'unsupported', found: string, hint: string): never => {
    throw new Failure(code, `Cannot back up PostgreSQL "${server}": ${found}`, { facts: { hint } })
  }
  const { user, walSenders, replicationSlots } = facts
  if (facts.major < majorMin) {
    refuse(
      'unsupported',
      `it is version ${facts.major}, expected ${majorMin} or later`,
      'Use mode: logical, or upgrade',
    )
  }
  if (facts.walLevel === 'minimal') {
    refuse(
      'access_denied',
      'wal_level is "minimal", expected "replica" or "logical"',
      'Set wal_level = replica and max_wal_senders = 10 in postgresql.conf and restart the server',
    )
  }
  if (walSenders.max < walSendersNeeded) {
    refuse(
      'access_denied',
      `max_wal_senders is ${walSenders.max}, expected ${walSendersNeeded} or more that are free`,
      'Set max_wal_senders = 10 in postgresql.conf and restart the server',
    )
  }
  if (replicationSlots.max <= replicationSlots.used) {
    refuse(
      'access_denied',
      `all ${replicationSlots.max} replication slots are taken, expected a free one`,
      'Raise max_replication_slots in postgresql.conf and restart the server',
    )
  }
  if (!user.mayReplicate) {
    refuse(
      'access_denied',
      `the role "${user.name}" may not replicate`,
      `Run on the server: ALTER ROLE "${user.name}" REPLICATION`,
    )
  }
}

/** One for the files and one that holds the WAL. */
const walSendersNeeded = 2

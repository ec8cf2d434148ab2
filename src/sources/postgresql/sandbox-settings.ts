import type { ControlFile } from './control-file.ts'

export interface SandboxSettingsRequest {
  readonly major: number
  readonly control: ControlFile
  /** With socket, pg_hba.conf and pg_ident.conf. */
  readonly privateFolder: string
  /** Whether what the server writes must outlive a loss of power. */
  readonly durable: boolean
  readonly sharedBuffersBytes: number
  /** Those of a recovery, and whatever else the caller wants otherwise. */
  readonly settings: Readonly<Record<string, string>>
}

const connectionsMin = 20
const mebibyte = 2 ** 20

/**
 * The settings of a private server on a restored cluster. They are given on its command line, where they go before
 * everything that the cluster itself brings along: nobody is listened to but on the socket, nothing is archived,
 * replicated or fetched from elsewhere, no library is loaded and no job is run, and nobody is asked for a name.
 */
export function sandboxSettings(request: SandboxSettingsRequest): Readonly<Record<string, string>> {
  const { major, control, privateFolder, durable, sharedBuffersBytes, settings } = request
  return {
    config_file: `${privateFolder}/postgresql.conf`,
    hba_file: `${privateFolder}/pg_hba.conf`,
    ident_file: `${privateFolder}/pg_ident.conf`,
    external_pid_file: `${privateFolder}/pid`,
    listen_addresses: '',
    port: '5432',
    unix_socket_directories: `${privateFolder}/socket`,
    unix_socket_permissions: '0700',
    ssl: 'off',
    ...silence,
    ...(major >= 17 ? { sync_replication_slots: 'off', summarize_wal: 'off', event_triggers: 'off' } : {}),
    ...(major >= 18 ? { io_method: 'worker' } : {}),
    ...recoveryDefaults,
    ...(Object.keys(noTarget).some((name) => name in settings) ? {} : noTarget),
    // A server that recovers must have room for all that the one before it had.
    max_connections: String(Math.max(connectionsMin, control.maxConnections)),
    max_worker_processes: String(control.maxWorkerProcesses),
    max_wal_senders: String(control.maxWalSenders),
    max_prepared_transactions: String(control.maxPreparedTransactions),
    max_locks_per_transaction: String(control.maxLocksPerTransaction),
    shared_buffers: `${Math.max(1, Math.floor(sharedBuffersBytes / mebibyte))}MB`,
    huge_pages: 'off',
    jit: 'off',
    fsync: durable ? 'on' : 'off',
    allow_in_place_tablespaces: 'on',
    ...logging,
    ...settings,
  }
}

const silence = {
  archive_mode: 'off',
  archive_command: '',
  archive_library: '',
  primary_conninfo: '',
  primary_slot_name: '',
  synchronous_standby_names: '',
  shared_preload_libraries: '',
  session_preload_libraries: '',
  local_preload_libraries: '',
  max_logical_replication_workers: '0',
  autovacuum: 'off',
} as const

const recoveryDefaults = {
  hot_standby: 'on',
  hot_standby_feedback: 'off',
  restore_command: '',
  recovery_end_command: '',
  archive_cleanup_command: '',
  recovery_target_inclusive: 'on',
  recovery_target_timeline: 'latest',
  recovery_target_action: 'pause',
} as const

/**
 * A cluster may bring along the target of an older recovery. They go together or not at all: the server takes a second
 * one for a mistake, and be it empty.
 */
const noTarget = {
  recovery_target: '',
  recovery_target_lsn: '',
  recovery_target_name: '',
  recovery_target_time: '',
  recovery_target_xid: '',
} as const

const logging = {
  log_destination: 'stderr',
  logging_collector: 'off',
  log_min_messages: 'warning',
  log_min_error_statement: 'error',
  log_statement: 'none',
  log_line_prefix: '%m [%p] ',
  log_timezone: 'UTC',
  lc_messages: 'C',
} as const

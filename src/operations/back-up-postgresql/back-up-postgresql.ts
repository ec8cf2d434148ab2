import { hash } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import { Failure } from '../../base/failure.ts'
import { toHex } from '../../base/hex.ts'
import type { PostgresqlManifest } from '../../model/manifest.ts'
import {
  backupFolder,
  manifestPath,
  type PostgresqlBackup,
  postgresqlBackupPath,
  serverManifestPath,
} from '../../model/postgresql-backup.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { Repository } from '../../repository/repository.ts'
import type { EntryMetadata, EntrySink } from '../../sources/entry-sink.ts'
import { changeManifest } from '../../sources/postgresql/backup-manifest.ts'
import { type BaseBackup, receiveBaseBackup } from '../../sources/postgresql/base-backup.ts'
import { connectPostgresql, type PostgresqlConnection } from '../../sources/postgresql/connection.ts'
import type { PostgresqlConnectionOptions } from '../../sources/postgresql/connection-options.ts'
import { countWrites, databasesAtATime } from '../../sources/postgresql/connection-room.ts'
import { DatabaseSession, listDatabases } from '../../sources/postgresql/database-session.ts'
import { formatLsn, type Lsn } from '../../sources/postgresql/lsn.ts'
import type { RestorePointView } from '../../sources/postgresql/restore-point-view.ts'
import { readServerFacts, requirePhysicalBackup, type ServerFacts } from '../../sources/postgresql/server-facts.ts'
import { holdWal, readTimelineHistory } from '../../sources/postgresql/wal-hold.ts'
import { WalStream } from '../../sources/postgresql/wal-stream.ts'
import { WalWindow } from '../../sources/postgresql/wal-window.ts'
import { backUpStream } from '../back-up-stream/back-up-stream.ts'
import type { BackupContext, BackupReport, BackupRequest } from '../back-up/backup-request.ts'
import { DataDirectory } from './data-directory.ts'
import { choosePageChunks, type PageChunks } from './page-chunks.ts'
import { ParentFiles } from './parent-files.ts'
import { type PostgresqlParent, readPostgresqlBackup, readPostgresqlParent } from './postgresql-parent.ts'
import { ServerManifest } from './server-manifest.ts'
import { WalFiles } from './wal-files.ts'

export interface PostgresqlBackupRequest {
  readonly repository: Repository
  /** Name of the source: the data directory stands in the snapshot's root under it. */
  readonly source: string
  readonly connection: PostgresqlConnectionOptions
  readonly hostname: string
  readonly username?: string
  readonly tags?: NonNullable<BackupRequest['tags']>
  /** The snapshot of the same source that this one goes on from. */
  readonly parent: Snapshot | undefined
  /**
   * `changes`: from 17 on, where the server keeps WAL summaries and the parent is one of its backups, only blocks that
   * changed since are read, and the others are the parent's; else, and with `all`, the server sends everything.
   */
  readonly transfer: 'changes' | 'all'
  /** How files of pages are cut, where the parent says nothing of it; by the size of the cluster where it is not given. */
  readonly chunks?: PageChunks
  /** At most so many KiB a second are read from the server, where it is given. */
  readonly rateKibibytesMax?: number
  /** `fast` (which it is where it is not given): the server's checkpoint is made at once. */
  readonly checkpoint?: 'fast' | 'spread'
  /**
   * Whether a manifest is taken, at a restore point behind the backup; tables of more bytes are sampled. The user must be
   * able to read every table and to run pg_create_restore_point(), and the server must be no standby.
   */
  readonly manifest: 'none' | { readonly tableBytesMax: number }
  readonly time?: Date
  /** `relied`: packs that the snapshot relies on are read and compared with their names first. */
  readonly rehash?: 'relied'
  readonly workers?: number
}

export interface PostgresqlBackupReport extends BackupReport {
  readonly facts: PostgresqlBackup
  /** Undefined where none was asked for. */
  readonly manifest: PostgresqlManifest | undefined
  /** Bytes of files that the server sent, without WAL. */
  readonly bytesReceived: number
  /** Of the server, and why not only changes were read, where that was asked for. */
  readonly warnings: readonly string[]
}

/**
 * Makes a physical snapshot of a PostgreSQL server: an ordinary tree whose directory `/<source>` is a data directory
 * with the WAL that it needs, so that any restore of it starts; beside it `.zakops-backup` tells what later restores and
 * incrementals need. Nothing is kept on this machine on the way. The caller holds a shared lock on the repository,
 * whose index is loaded.
 *
 * Failures: `connection_failed`, `access_denied`, `unsupported` with what to change on the server; `database_unreadable`
 * with file and block where the server's own checksums do not fit. There is no snapshot then.
 */
export async function backUpPostgresql(
  request: PostgresqlBackupRequest,
  context: BackupContext,
  signal: AbortSignal,
): Promise<PostgresqlBackupReport> {
  const { repository, connection, source } = request
  await using sql = await connectPostgresql(connection, { kind: 'sql' }, signal)
  const server = await readServerFacts(sql)
  requirePhysicalBackup(server, sql.server)
  if (server.isStandby && request.manifest !== 'none') {
    throw new Failure('unsupported', `Cannot take a manifest of PostgreSQL "${sql.server}": it is a standby`, {
      facts: { hint: 'Name the primary in the connection URL, where restore points can be made' },
    })
  }
  await using hold = await connectPostgresql(connection, { kind: 'replication' }, signal)
  const slot = `zakops_backup_${toHex(repository.random(8))}`
  await holdWal(hold, slot)
  const parentFacts = await parentOf(request, server, signal)
  await using manifestOf = await serverManifest(request, { sql, server, clock: context.clock }, signal)
  const connections = {
    hold,
    slot,
    openCopy: () => connectPostgresql(connection, { kind: 'replication' }, signal),
  }
  const run = new PostgresqlBackupRun({ ...request, ...parentFacts, server, connections, manifestOf })
  const paths = [`/${source}`]
  const report = await backUpStream({ ...request, paths }, context, (sink) => run.feed(sink), signal)
  return {
    ...report,
    facts: run.facts!,
    manifest: run.manifest,
    bytesReceived: run.bytesReceived,
    warnings: run.warnings,
  }
}

/** What takes the manifest; undefined where none is asked for. What does not let us in is told now, not when the files are here. */
async function serverManifest(
  { manifest, connection, source, repository }: PostgresqlBackupRequest,
  { sql, server, clock }: { readonly sql: PostgresqlConnection; readonly server: ServerFacts; readonly clock: Clock },
  signal: AbortSignal,
): Promise<ServerManifest | undefined> {
  if (manifest === 'none') return undefined
  const openSession = (database: string): Promise<DatabaseSession> => DatabaseSession.open(connection, database, signal)
  const [heldMax, writesBefore] = [await databasesAtATime(sql), await countWrites(sql)]
  const databases = await listDatabases(sql)
  for (const database of databases) await (await openSession(database))[Symbol.asyncDispose]()
  const { database } = await sql.row('SELECT current_database() AS database')
  const namePrefix = `zakops_${source.slice(0, 24)}_${toHex(repository.random(6))}`
  return new ServerManifest({
    server,
    openSession,
    database: database!,
    namePrefix,
    clock,
    heldMax,
    writesBefore,
    ...manifest,
  })
}

/** What the parent snapshot gives: its blocks, where they may be used, and the size of its chunks. */
async function parentOf(
  { repository, parent, transfer, chunks }: PostgresqlBackupRequest,
  server: ServerFacts,
  signal: AbortSignal,
): Promise<{ readonly parent: PostgresqlParent | undefined; readonly chunks: PageChunks }> {
  const known = parent && (await readPostgresqlBackup(new ParentFiles(repository, parent.tree, signal)))
  const before = known && { bytes: known.chunkBytes, pageBytes: known.pageChunkBytes }
  const facts = { chunks: before ?? chunks ?? choosePageChunks(server.clusterBytes, server.blockBytes) }
  if (parent === undefined || transfer === 'all' || !server.summarizesWal) return { parent: undefined, ...facts }
  return { parent: await readPostgresqlParent(repository, parent, server, signal), ...facts }
}

interface Connections {
  /** Holds the WAL by its slot, and brings it at the end. */
  readonly hold: PostgresqlConnection
  readonly slot: string
  /** Opens another one for the files; a command that fails uses it up. */
  readonly openCopy: () => Promise<PostgresqlConnection>
}

/** SQLSTATE: the server lacks what an incremental backup needs, such as a part of its WAL summaries. */
const notInState = '55000'

/** So much of the log before the end of the backup is looked at for ends of transactions that were slow to be seen. */
const windowBytesBefore = 256n * 1024n * 1024n

interface RunOptions extends Omit<PostgresqlBackupRequest, 'chunks' | 'connection' | 'manifest' | 'parent'> {
  readonly chunks: PageChunks
  readonly parent: PostgresqlParent | undefined
  readonly server: ServerFacts
  readonly connections: Connections
  /** Undefined where no manifest is taken. */
  readonly manifestOf: ServerManifest | undefined
}

class PostgresqlBackupRun {
  facts: PostgresqlBackup | undefined
  manifest: PostgresqlManifest | undefined
  bytesReceived = 0
  warnings: readonly string[] = []
  readonly #options: RunOptions
  readonly #server: ServerFacts
  readonly #connections: Connections

  constructor(options: RunOptions) {
    this.#options = options
    this.#server = options.server
    this.#connections = options.connections
  }

  /** Everything that the snapshot holds, in the order in which the server gives it. */
  async feed(sink: EntrySink): Promise<void> {
    const { directory, base, transfer } = await this.#files(sink)
    await directory.finish()
    await this.#options.manifestOf?.readEarly()
    const view = await this.#wal(directory, base)
    await directory.add('backup_manifest', changeManifest(base.manifestText, directory.changes))
    const facts = this.#factsOf(base, { directory, view, transfer })
    this.facts = facts
    const metadata = { ...directory.fileMetadata, mode: 0o600 }
    sink.directory(backupFolder, { ...metadata, mode: 0o700 })
    await addFile(sink, serverManifestPath, metadata, base.manifestText)
    await addFile(sink, postgresqlBackupPath, metadata, Buffer.from(`${JSON.stringify(facts, null, 2)}\n`, 'utf8'))
    if (view === undefined) return
    this.manifest = await this.#options.manifestOf!.read(view)
    this.warnings = [...this.warnings, ...unreadTables(this.manifest)]
    await addFile(sink, manifestPath, metadata, Buffer.from(`${JSON.stringify(this.manifest)}\n`, 'utf8'))
  }

  /** Has the server send the files: those blocks that changed, or, where it says that it can not tell them, all. */
  async #files(
    sink: EntrySink,
  ): Promise<{ directory: DataDirectory; base: BaseBackup; transfer: PostgresqlBackup['transfer'] }> {
    const { parent } = this.#options
    if (parent !== undefined) {
      try {
        return { ...(await this.#receive(sink, parent)), transfer: 'incremental' }
      } catch (error) {
        if (!(error instanceof Failure) || error.facts.state !== notInState) throw error
        this.warnings = [`All blocks were read, not those that changed: ${error.message}`]
      }
    }
    return { ...(await this.#receive(sink, undefined)), transfer: 'full' }
  }

  async #receive(
    sink: EntrySink,
    parent: PostgresqlParent | undefined,
  ): Promise<{ directory: DataDirectory; base: BaseBackup }> {
    const { source, checkpoint = 'fast', rateKibibytesMax, chunks } = this.#options
    const { blockBytes } = this.#server
    const directory = new DataDirectory({ sink, name: source, chunks, blockBytes, parent })
    const options = {
      label: `zakops-backup ${source}`,
      checkpoint,
      ...(rateKibibytesMax !== undefined && { rateKibibytesMax }),
      ...(parent !== undefined && { since: parent.serverManifest }),
    }
    await using copy = await this.#connections.openCopy()
    const base = await receiveBaseBackup(copy, options, directory, ({ bytesTotal }) => sink.expect(bytesTotal))
    this.warnings = [...this.warnings, ...base.warnings]
    this.bytesReceived = base.bytesReceived
    return { directory, base }
  }

  /** Puts the WAL from the backup's beginning into pg_wal, up to the view's restore point where there is to be a manifest. */
  async #wal(directory: DataDirectory, base: BaseBackup): Promise<RestorePointView | undefined> {
    const { hold, slot } = this.#connections
    const segmentBytes = this.#server.walSegmentBytes
    const history = await readTimelineHistory(hold, base.timeline)
    if (history !== undefined) await directory.add(`pg_wal/${history.name}`, history.content)
    const start = base.startLsn - (base.startLsn % BigInt(segmentBytes))
    using stream = new WalStream(hold, { slot, timeline: base.timeline, lsn: start })
    const files = new WalFiles(directory, { timeline: base.timeline, segmentBytes, start })
    const from = base.endLsn - windowBytesBefore
    const window = new WalWindow(from > start ? from : start, { segmentBytes, blockBytes: this.#server.walBlockBytes })
    const readTo = async (lsn: Lsn): Promise<void> => {
      await stream.readTo(lsn, (bytes, at) => {
        window.add(bytes, at)
        return files.write(bytes)
      })
    }
    await readTo(base.endLsn)
    const view = await this.#options.manifestOf?.openView(window, readTo)
    await files.end()
    return view
  }

  #factsOf(
    base: BaseBackup,
    more: {
      readonly directory: DataDirectory
      readonly view: RestorePointView | undefined
      readonly transfer: PostgresqlBackup['transfer']
    },
  ): PostgresqlBackup {
    const startLsn = formatLsn(base.startLsn)
    return {
      version: 1,
      dataDirectory: this.#options.source,
      systemIdentifier: this.#server.systemIdentifier,
      serverVersion: this.#server.version,
      timeline: base.timeline,
      startLsn,
      checkpointLsn: /^CHECKPOINT LOCATION: ([0-9A-F]+\/[0-9A-F]+)/m.exec(more.directory.label)?.[1] ?? startLsn,
      endLsn: formatLsn(base.endLsn),
      walEndLsn: formatLsn(more.view?.lsn ?? base.endLsn),
      walSegmentBytes: this.#server.walSegmentBytes,
      blockBytes: this.#server.blockBytes,
      chunkBytes: this.#options.chunks.bytes,
      pageChunkBytes: this.#options.chunks.pageBytes,
      tablespaces: base.tablespaces.map(({ oid, location }) => ({ oid, location })),
      transfer: more.transfer,
      backupManifestDigest: hash('sha256', base.manifestText),
      restorePoint: more.view?.restorePoint ?? null,
    }
  }
}

const warningsMax = 100

/** Tables of which the manifest knows nothing, so that their restore proves nothing of them. */
function unreadTables({ databases }: PostgresqlManifest): string[] {
  const unread = databases.flatMap(({ name, tables }) =>
    tables
      .filter(({ sampled }) => sampled?.startsWith('not read') === true)
      .map((table) => `Table ${table.name} of database ${name} is not in the manifest: ${table.sampled}`),
  )
  return unread.slice(0, warningsMax)
}

async function addFile(sink: EntrySink, path: string, metadata: EntryMetadata, content: Uint8Array): Promise<void> {
  const file = sink.file(path, metadata, { kind: 'content' })
  await file.write(content)
  await file.end()
}

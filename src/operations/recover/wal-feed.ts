import { chown, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { isFailure, type Failure } from '../../base/failure.ts'
import type { User } from '../../posix/user-named.ts'
import { watchFolder } from '../../sources/postgresql/server-process.ts'
import { walFetch } from '../wal/wal-fetch.ts'
import type { WalArchive } from '../wal/wal-archive.ts'

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
}

const pollMs = 15
/** So many segments wait, verified, before the server asks for them. */
const aheadMax = 8

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
  /** Of the segment that is being fetched: one at a time. */
  readonly #buffer: Buffer
  #running: Promise<void> = Promise.resolve()
  #folder = ''
  #watch: Disposable | undefined

  constructor(request: WalFeedRequest, clock: Clock, signal: AbortSignal) {
    this.#request = request
    this.#buffer = Buffer.allocUnsafeSlow(request.segmentBytes)
    this.#clock = clock
    this.#signal = AbortSignal.any([signal, this.#stopping.signal])
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
    await writeFile(join(folder, 'fetch'), script(folder, processId), { mode: 0o600 })
    if (owner !== undefined) for (const path of [folder, join(folder, 'fetch')]) await chown(path, owner.uid, owner.gid)
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
    while (!this.#signal.aborted) {
      const present = new Set(await readdir(this.#folder))
      const wanted = [...present].filter((file) => file.startsWith('want-')).map((file) => file.slice(5))
      const answered = (name: string): boolean => ['have-', 'none-', 'fail-'].some((kind) => present.has(kind + name))
      const next = wanted.find((name) => !answered(name))
      this.#follow(present, wanted)
      if (next !== undefined) await this.#answer(next)
      else if (!(await this.#fetchAhead())) await this.#clock.sleep(pollMs, this.#signal)
    }
  }

  /** Notes how far the server is: what was asked for, and what waited and is gone. */
  #follow(present: ReadonlySet<string>, wanted: readonly string[]): void {
    const taken = [...this.#waiting].filter((name) => !present.has(`have-${name}`))
    for (const name of taken) this.#waiting.delete(name)
    for (const name of [...taken, ...wanted])
      this.#position = Math.max(this.#position, this.#request.names.indexOf(name))
  }

  async #answer(name: string): Promise<void> {
    try {
      const isThere = await this.#fetch(name)
      if (!isThere) await this.#mark(`none-${name}`)
    } catch (error) {
      if (this.#signal.aborted) throw error
      if (isFailure(error)) this.failure ??= error
      await this.#mark(`fail-${name}`)
    }
  }

  /** False where there is nothing to do. */
  async #fetchAhead(): Promise<boolean> {
    const { names } = this.#request
    const ahead = names.slice(this.#position + 1, this.#position + 1 + aheadMax)
    const next = ahead.find((name) => !this.#waiting.has(name))
    if (next === undefined) return false
    try {
      return await this.#fetch(next)
    } catch (error) {
      if (this.#signal.aborted) throw error
      return false // The server is told when it asks for it, if it does.
    }
  }

  async #fetch(name: string): Promise<boolean> {
    const { owner, dataFolder } = this.#request
    const fetched = join(this.#folder, `fetched-${name}`)
    const answer = await walFetch(
      {
        ...this.#request,
        name,
        path: fetched,
        buffer: this.#buffer,
        spoolFolder: undefined,
        walFolder: join(dataFolder, 'pg_wal'),
      },
      this.#signal,
    )
    if (answer !== 'fetched') return false
    if (owner !== undefined) await chown(fetched, owner.uid, owner.gid)
    this.#waiting.add(name)
    await this.#commit(fetched, `have-${name}`)
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

/** Ends with what restore_command wants: 0, 1 for a file that is not there, and more than 128 to stop the recovery. */
function script(folder: string, processId: number): string {
  return `cd ${quoted(folder)} || exit 200
here=$OLDPWD
case $2 in /*) target=$2 ;; *) target=$here/$2 ;; esac
: >"want-$1" || exit 200
while :; do
  if [ -f "have-$1" ]; then
    mv -f "have-$1" "$target" || exit 200
    rm -f "want-$1"
    exit 0
  fi
  if [ -f "none-$1" ]; then
    rm -f "want-$1" "none-$1"
    exit 1
  fi
  [ -f "fail-$1" ] && exit 200
  if [ ! -d /proc/${processId} ]; then
    case $1 in *.history) exit 1 ;; *) exit 200 ;; esac
  fi
  sleep 0.02
done
`
}

/** As one word of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { Failure } from '../../base/failure.ts'
import { processBeginTicks } from '../../posix/process-identity.ts'
import type { User } from '../../posix/user-named.ts'

export interface ServerCommand {
  readonly binFolder: string
  readonly dataFolder: string
  readonly privateFolder: string
  readonly settings: Readonly<Record<string, string>>
  /** Whom to run as; undefined to run as who we are. */
  readonly owner: User | undefined
  /** Address space of each of its processes. */
  readonly memoryBytesMax: number
  readonly searchPath: string
}

const pollMs = 25
/** Of the server's log, read from its end. */
const logBytesMax = 4 * 1024 * 1024
/**
 * It leaves its number where watchServer() finds it, and starts nothing where that folder is gone. Under want of memory the
 * machine ends a sandbox first, never the database beside it.
 */
const launch =
  'cd "$1" && echo $$ >pid || exit 1; cd /; shift; ulimit -c 0; ulimit -v "$0"; echo 1000 >/proc/self/oom_score_adj 2>/dev/null; exec "$@"'

/** Starts the program; it goes on when this process ends. Answers its number, which is that of the first process. */
export async function launchServer(command: ServerCommand): Promise<number> {
  const { binFolder, dataFolder, privateFolder, settings, owner, memoryBytesMax, searchPath } = command
  const words = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const kibibytes = String(Math.floor(memoryBytesMax / 1024))
  const log = openSync(logPath(privateFolder), 'a', 0o600)
  try {
    const child = spawn(
      '/bin/sh',
      ['-c', launch, kibibytes, privateFolder, join(binFolder, 'postgres'), '-D', dataFolder, ...words],
      {
        cwd: '/',
        detached: true,
        stdio: ['ignore', log, log],
        env: { PATH: searchPath, TZ: 'UTC', LC_ALL: 'C' },
        ...(owner === undefined ? {} : { uid: owner.uid, gid: owner.gid }),
      },
    )
    await spawned(child)
    child.unref()
    return child.pid!
  } catch (cause) {
    throw new Failure('command_failed', `Cannot start PostgreSQL of "${binFolder}"`, { cause })
  } finally {
    closeSync(log)
  }
}

/** A running server by its number and its beginning: another process of the same number is not taken for it. */
export class ServerProcess {
  readonly processId: number
  readonly beginTicks: number
  readonly #dataFolder: string
  readonly #privateFolder: string

  constructor(facts: { processId: number; beginTicks: number; dataFolder: string; privateFolder: string }) {
    this.processId = facts.processId
    this.beginTicks = facts.beginTicks
    this.#dataFolder = facts.dataFolder
    this.#privateFolder = facts.privateFolder
  }

  get isAlive(): boolean {
    return processBeginTicks(this.processId) === this.beginTicks
  }

  /** Whether it takes connections, be it that it still recovers. */
  get state(): 'starting' | 'ready' {
    try {
      const lines = readFileSync(join(this.#dataFolder, 'postmaster.pid'), 'utf8').split('\n')
      if (lines[0] !== String(this.processId)) return 'starting'
      return lines[7]?.trim() === 'ready' ? 'ready' : 'starting'
    } catch {
      return 'starting' // It has not written it yet.
    }
  }

  /** The last of what it said. */
  async log(): Promise<string> {
    try {
      await using file = await open(logPath(this.#privateFolder), 'r')
      const { size } = await file.stat()
      const from = Math.max(0, size - logBytesMax)
      const bytes = Buffer.alloc(size - from)
      await file.read(bytes, 0, bytes.length, from)
      return bytes.toString('utf8')
    } catch {
      return '' // It said nothing.
    }
  }

  /** Resolves when it takes connections. Failure `command_failed` with its own words where it ended, or takes too long. */
  async whenReady(timeoutMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
    const beginMs = clock.monotonicMs()
    for (;;) {
      if (this.state === 'ready') return
      if (!this.isAlive) throw await this.failure('it ended')
      if (clock.monotonicMs() - beginMs > timeoutMs) throw await this.failure(`not ready after ${timeoutMs / 1000} s`)
      await clock.sleep(pollMs, signal)
    }
  }

  /** Ends it: in good order, else at once, else by force. Resolves when it is gone. */
  async stop(way: 'fast' | 'immediate', clock: Clock, signal: AbortSignal): Promise<void> {
    const steps = [
      ...(way === 'fast' ? [{ name: 'SIGINT', waitMs: 60_000 } as const] : []),
      { name: 'SIGQUIT', waitMs: 15_000 } as const,
      { name: 'SIGKILL', waitMs: 15_000 } as const,
    ]
    for (const step of steps) {
      if (!this.isAlive) return
      process.kill(this.processId, step.name)
      const beginMs = clock.monotonicMs()
      while (this.isAlive && clock.monotonicMs() - beginMs < step.waitMs) await clock.sleep(pollMs, signal)
    }
    if (this.isAlive) throw new Failure('command_failed', `Cannot end PostgreSQL, process ${this.processId}`)
  }

  async failure(found: string): Promise<Failure> {
    const lines = (await this.log()).trim().split('\n')
    const fatal = lines.findLast((line) => /\b(FATAL|PANIC): /.test(line)) ?? lines.at(-1) ?? ''
    const said = fatal.replace(/^.*?\b(FATAL|PANIC|LOG): +/, '')
    const hints = lines.filter((line) => /\b(HINT|DETAIL): /.test(line)).slice(-2)
    return new Failure('command_failed', `Cannot run PostgreSQL on "${this.#dataFolder}": ${found}, saying: ${said}`, {
      facts: { hint: hints.map((line) => line.replace(/^.*?\b(HINT|DETAIL): +/, '')).join(' ') || undefined },
    })
  }
}

/**
 * Ends the server and removes its folder should this process be killed. It is called before the server is launched: one
 * that is launched at that very moment finds its folder gone.
 *
 * Order: the folder gets another name, in which the number of a server stands if there is one. Only a process of the folder's
 * own user is ended: its user can write there.
 */
export function watchServer(privateFolder: string): Disposable {
  const script = [
    'mv -- "$0" "$0.goes"',
    'pid=$(cat "$0.goes/pid" 2>/dev/null)',
    '[ "$(stat -c %u "/proc/$pid" 2>/dev/null)" = "$(stat -c %u "$0.goes")" ] && kill -QUIT "$pid" 2>/dev/null',
    'sleep 1; rm -rf -- "$0.goes"',
  ]
  return whenKilled([script.join('; '), privateFolder])
}

/** Removes a folder should this process be killed. */
export function watchFolder(folder: string): Disposable {
  return whenKilled(['rm -rf -- "$0"', folder])
}

/** The end of a pipe is the sign of it. */
function whenKilled([script, ...words]: readonly string[]): Disposable {
  const watch = spawn('/bin/sh', ['-c', `cat; ${script}`, ...words], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
    env: {},
  })
  watch.on('error', () => {}) // Without a shell the server would not start either.
  watch.unref()
  watch.stdin.on('error', () => {}) // It ends when it is killed below.
  ;(watch.stdin as unknown as { unref(): void }).unref()
  let isDisposed = false
  return {
    [Symbol.dispose]: () => {
      if (isDisposed) return
      isDisposed = true
      if (watch.pid === undefined || watch.exitCode !== null || watch.signalCode !== null) return
      process.kill(-watch.pid, 'SIGKILL')
    },
  }
}

function logPath(privateFolder: string): string {
  return join(privateFolder, 'log')
}

function spawned(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on('spawn', resolve)
    child.on('error', reject)
  })
}

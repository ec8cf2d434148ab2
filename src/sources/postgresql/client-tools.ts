import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { throwIfStopped } from '../../base/abort.ts'
import type { Clock } from '../../base/clock.ts'
import { errorMessage } from '../../base/error-message.ts'
import { Failure } from '../../base/failure.ts'
import { endFamily } from '../../base/process-family.ts'
import { lockHint } from './connection-failure.ts'
import type { PostgresqlConnectionOptions } from './connection-options.ts'
import { splitPassword } from './server-address.ts'

/** The folder of a set of PostgreSQL's client programs. */
export interface ClientTools {
  readonly folder: string
  /** Of pg_dump: 15. */
  readonly major: number
}

export type ToolName = 'pg_dump' | 'pg_dumpall' | 'pg_restore'

/** What is kept of a program's output: its end says what went wrong. */
const outputBytesMax = 64 * 1024
const foldersMax = 100

/**
 * The programs that a server of this major version can be dumped with: the oldest of the set that is not older than the
 * server, which refuses older ones. Failure `unsupported` where there is none.
 */
export async function findClientTools(
  folders: readonly string[],
  serverMajor: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<ClientTools> {
  const found: ClientTools[] = []
  for (const folder of folders.slice(0, foldersMax)) {
    const major = await majorOf(folder, clock, signal)
    if (major !== undefined) found.push({ folder, major })
  }
  const fit = found.filter(({ major }) => major >= serverMajor).toSorted((a, b) => a.major - b.major)[0]
  if (fit !== undefined) return fit
  const majors = [...new Set(found.map(({ major }) => major))].join(', ')
  throw new Failure(
    'unsupported',
    `Cannot dump a server of version ${serverMajor}: pg_dump of version ${majors === '' ? 'none' : majors} was found, expected ${serverMajor} or later`,
    {
      facts: {
        hint: `Install the client programs of PostgreSQL ${serverMajor}, or use mode: physical, which needs none`,
      },
    },
  )
}

async function majorOf(folder: string, clock: Clock, signal: AbortSignal): Promise<number | undefined> {
  try {
    const version = await runTool({ folder, tool: 'pg_dump', words: ['--version'], environment: {}, clock }, signal)
    const major = /(\d+)(?:\.\d+|\w+)*\s*(?:\(|$)/.exec(version.trim())?.[1]
    return major === undefined ? undefined : Number(major)
  } catch (error) {
    throwIfStopped(signal)
    if (error instanceof Failure) return undefined // There is no pg_dump, or none that runs here.
    throw error
  }
}

/** The environment of a program that connects, and the URL for its command line, which does not tell the password. */
export function connectionWords(
  connection: PostgresqlConnectionOptions,
  environment: Readonly<Record<string, string>>,
): { readonly url: string; readonly environment: Readonly<Record<string, string>> } {
  const { url, password } = splitPassword(connection.url)
  const secret = connection.password ?? password
  return { url, environment: secret === undefined ? environment : { ...environment, PGPASSWORD: secret } }
}

export interface ToolRun {
  readonly folder: string
  readonly tool: ToolName
  readonly words: readonly string[]
  /** All of it: nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>
  readonly clock: Clock
}

/**
 * Runs a program to its end and answers what it wrote, at most 64 KiB. When `signal` is aborted it is ended with its workers, by force
 * where it waits for a server that hangs. Failure `command_failed` with its last words.
 */
export async function runTool(run: ToolRun, signal: AbortSignal): Promise<string> {
  throwIfStopped(signal)
  const child = spawn(join(run.folder, run.tool), run.words, {
    env: run.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const stop = (): void => {
    // Its end is waited for below; but not the end of a worker whose leader was killed, and that holds what it wrote to open.
    const close = (): void => {
      child.stdout.destroy()
      child.stderr.destroy()
    }
    endFamily(child, run.clock).then(close, close)
  }
  signal.addEventListener('abort', stop, { once: true })
  const [output, words] = [tail(), tail()]
  child.stdout.on('data', output.take)
  child.stderr.on('data', words.take)
  const end = await new Promise<string | undefined>((resolve) => {
    child.on('error', (error) => resolve(errorMessage(error)))
    child.on('close', (code, killer) => resolve(code === 0 ? undefined : `it ended with ${code ?? killer}`))
  })
  signal.removeEventListener('abort', stop)
  throwIfStopped(signal)
  if (end === undefined) return output.text()
  const said = words.text().trim()
  // pg_dump waits for its locks by a time limit of the statement.
  const isLocked = /canceling statement due to (?:statement|lock) timeout[^]*LOCK TABLE/.test(said)
  throw new Failure('command_failed', `Cannot run ${run.tool}: ${end}: ${said || 'it said nothing'}`, {
    facts: isLocked ? { hint: lockHint } : {},
  })
}

/** Keeps the end of what comes. */
function tail(): { readonly take: (part: Buffer) => void; readonly text: () => string } {
  let kept: Buffer = Buffer.alloc(0)
  return {
    take: (part) => {
      kept = Buffer.concat([kept, part]).subarray(-outputBytesMax)
    },
    text: () => kept.toString('utf8'),
  }
}

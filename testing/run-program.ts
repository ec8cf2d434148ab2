import { spawn } from 'node:child_process'

/** How a program ended and what it said. */
export interface ProgramEnd {
  /** Undefined where a signal ended it. */
  readonly exitCode: number | undefined
  readonly signal: NodeJS.Signals | undefined
  readonly stdout: string
  readonly stderr: string
}

export interface ProgramOptions {
  readonly cwd?: string
  /** Added to this process's environment. */
  readonly environment?: Readonly<Record<string, string>>
  readonly input?: string
  /** Runs as the user and group of this number; only root may. */
  readonly user?: number
  /** kill -9 after so many milliseconds. */
  readonly killAfterMs?: number
  /** They are counted from when this text stands on its standard error. */
  readonly killAfterText?: string
}

/** Runs a program to its end, whatever the end is. Arguments may be any strings without a zero character. */
export async function runProgram(
  program: string,
  words: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramEnd> {
  const child = spawn(program, words, {
    cwd: options.cwd,
    ...(options.user === undefined ? {} : { uid: options.user, gid: options.user }),
    env: { ...process.env, ...options.environment },
    stdio: 'pipe',
  })
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (part: Buffer) => stdout.push(part))
  const { killAfterMs, killAfterText } = options
  let timer: NodeJS.Timeout | undefined
  const killLater = (): void => {
    if (killAfterMs !== undefined) timer ??= setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  }
  if (killAfterText === undefined) killLater()
  child.stderr.on('data', (part: Buffer) => {
    stderr.push(part)
    if (killAfterText !== undefined && Buffer.concat(stderr).includes(killAfterText)) killLater()
  })
  child.stdin.on('error', () => {}) // A program that does not read its input may end before it is written.
  child.stdin.end(options.input ?? '')
  const end = await new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      resolve({ code, signal })
    })
  })
  clearTimeout(timer)
  return {
    exitCode: end.code ?? undefined,
    signal: end.signal ?? undefined,
    stdout: Buffer.concat(stdout).toString(),
    stderr: Buffer.concat(stderr).toString(),
  }
}

/** Runs a program that must end with one of these exit codes; an Error with all that it said where it does not. */
export async function runWell(
  program: string,
  words: readonly string[],
  options: ProgramOptions & { readonly exitCodes?: readonly number[] } = {},
): Promise<ProgramEnd & { readonly exitCode: number }> {
  const end = await runProgram(program, words, options)
  const wanted = options.exitCodes ?? [0]
  if (end.exitCode !== undefined && wanted.includes(end.exitCode)) return { ...end, exitCode: end.exitCode }
  const shown = [program, ...words].join(' ')
  throw new Error(
    `"${shown}" ended with ${end.exitCode ?? end.signal}, expected ${wanted.join(' or ')}\n${end.stdout}\n${end.stderr}`,
  )
}

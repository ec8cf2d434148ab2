import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Clock } from '../../base/clock.ts'
import { errorCode } from '../../base/error-code.ts'
import { Failure } from '../../base/failure.ts'
import { endFamily } from '../../base/process-family.ts'

/** A command as words, run without a shell. */
export interface CommandRequest {
  readonly words: readonly string[]
  /** `inherit` gives it this process's own input and output; `capture` keeps the last part of what it prints. */
  readonly output: 'inherit' | 'capture'
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly workingDirectory: string
}

export interface CommandEnd {
  /** Its exit code; 128 and the signal's number where a signal ended it, as shells say it. */
  readonly exitCode: number
  readonly endedBy: NodeJS.Signals | undefined
  /** What it printed last; empty where it was not captured. */
  readonly output: string
}

const capturedBytesMax = 64 * 1024
/** How long what a command printed last is waited for when it has ended. */
const outputWaitMs = 500

/**
 * Runs a command to its end. When `signal` is aborted, it and all that it started get SIGTERM, and SIGKILL later where they do not
 * end; the answer comes when they are gone, so that nothing of a stopped command is at work behind it. What left its parents as a
 * daemon does is its own. Failure `command_failed` where it can not be started; how it ended is the answer.
 */
export async function runCommand(request: CommandRequest, clock: Clock, signal: AbortSignal): Promise<CommandEnd> {
  const [program, ...words] = request.words
  if (program === undefined) throw new Failure('usage', 'Cannot run a command: none is given')
  const stdio = request.output === 'inherit' ? 'inherit' : (['ignore', 'pipe', 'pipe'] as const)
  const child = spawn(program, words, {
    stdio: stdio as 'inherit',
    env: request.environment,
    cwd: request.workingDirectory,
  })
  let output = ''
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-capturedBytesMax)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  const ended = new AbortController()
  let stopped: Promise<void> | undefined
  const stop = (): void => {
    stopped ??= endFamily(child, clock)
  }
  try {
    const running = new Promise<CommandEnd>((resolve, reject) => {
      child.on('error', (cause) => {
        const found = errorCode(cause) === 'ENOENT' ? 'there is no such program' : cause.message
        reject(new Failure('command_failed', `Cannot run "${program}": ${found}`, { cause }))
      })
      child.on('exit', (code, endedBy) => {
        const exitCode = code ?? 128 + (endedBy === null ? 0 : constants.signals[endedBy])
        const end = (): void => {
          child.stdout?.destroy()
          child.stderr?.destroy()
          resolve({ exitCode, endedBy: endedBy ?? undefined, output })
        }
        child.on('close', end)
        // A service that it started may hold its output open for as long as it runs.
        clock.sleep(outputWaitMs, ended.signal).then(end, () => {})
      })
    })
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    const end = await running
    await stopped
    return end
  } finally {
    ended.abort()
    signal.removeEventListener('abort', stop)
  }
}

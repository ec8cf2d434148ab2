import type { Failure } from '../../base/failure.ts'
import { stdoutFailure } from './stdout-failure.ts'
import type { OutputStream } from '../world.ts'

/** How much a command tells: -q, nothing, -v, -vv. */
export const verbosities = ['quiet', 'normal', 'verbose', 'everything'] as const
export type Verbosity = (typeof verbosities)[number]

/** Collected result lines are written when they reach this, so that long listings do not cost one call a line. */
const pendingCharactersMax = 32 * 1024

/**
 * What a command says. Results go to stdout; all else (notices, problems, progress) goes to stderr, so that a pipe
 * gets results only. With `json` every result and every problem is one JSON document on a line of its own, in
 * restic's words (`message_type`). Keeps the one progress line of a terminal below everything else.
 */
export class Output {
  readonly json: boolean
  readonly verbosity: Verbosity
  readonly #stdout: OutputStream
  readonly #stderr: OutputStream
  #pending = ''
  #status = ''
  #congested: Promise<void> | undefined
  /** The first write of a line that failed. */
  #failure: Failure | undefined

  constructor(options: { stdout: OutputStream; stderr: OutputStream; json: boolean; verbosity: Verbosity }) {
    this.json = options.json
    this.verbosity = options.verbosity
    this.#stdout = options.stdout
    this.#stderr = options.stderr
  }

  /** Whether this level of detail was asked for. */
  tells(verbosity: Verbosity): boolean {
    return verbosities.indexOf(verbosity) <= verbosities.indexOf(this.verbosity)
  }

  /** A line of the result. */
  line(text: string): void {
    this.#pending += `${text}\n`
    if (this.#stdout.isTTY === true || this.#pending.length >= pendingCharactersMax) this.#flush()
  }

  /** A JSON document of the result, on one line. */
  document(value: unknown): void {
    this.line(JSON.stringify(value, jsonNumber))
  }

  /** A sentence that is no result: "repository opened". Shown from `verbosity` on, never with --json. */
  notice(text: string, verbosity: Verbosity = 'normal'): void {
    if (!this.json && this.tells(verbosity)) this.#aside(text)
  }

  /** Something that went wrong with one item while the work goes on. Shown even with --quiet. */
  problem(problem: { readonly during: string; readonly item: string; readonly message: string }): void {
    this.#aside(
      this.json
        ? JSON.stringify({
            message_type: 'error',
            error: { message: problem.message },
            during: problem.during,
            item: problem.item,
          })
        : `${problem.during}: ${problem.item}: ${problem.message}`,
    )
  }

  /** A line for stderr as it is. */
  aside(text: string): void {
    this.#aside(text)
  }

  /** Shows `text` as the progress line of a terminal in place of the last one; '' takes it away. */
  status(text: string): void {
    if (text === this.#status) return
    this.#flush()
    this.#status = text
    this.#stderr.write(`\r\u001B[2K${text}`)
  }

  /** Writes raw bytes of a result, and resolves when there is room for more. Failure as by stdoutFailure(). */
  async bytes(chunk: Uint8Array): Promise<void> {
    this.#flush()
    await new Promise<void>((resolve, reject) => {
      this.#stdout.write(chunk, (error) => (error ? reject(stdoutFailure(error)) : resolve()))
    })
  }

  /**
   * Resolves when stdout takes more: listings call it now and then, so that a slow reader slows them down. Failure as
   * by stdoutFailure() where a line could not be written.
   */
  async room(): Promise<void> {
    await this.#congested
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Writes what is left and takes the progress line away. Failure where a line could not be written. */
  async end(): Promise<void> {
    this.status('')
    this.#flush()
    await new Promise<void>((resolve) => {
      this.#stdout.write('', () => resolve())
    })
    await new Promise<void>((resolve) => {
      this.#stderr.write('', () => resolve())
    })
    if (this.#failure !== undefined) throw this.#failure
  }

  #aside(text: string): void {
    this.#flush()
    if (this.#status === '') this.#stderr.write(`${text}\n`)
    else this.#stderr.write(`\r\u001B[2K${text}\n${this.#status}`)
  }

  #flush(): void {
    if (this.#pending === '') return
    const text = this.#pending
    this.#pending = ''
    // The two streams are one screen: the progress line must not end up in the middle of a result.
    const clear = this.#status !== '' && this.#stdout.isTTY === true
    if (clear) this.#stderr.write('\r\u001B[2K')
    let hasRoom = true
    const written = new Promise<void>((resolve) => {
      hasRoom = this.#stdout.write(text, (error) => {
        if (error) this.#failure ??= stdoutFailure(error)
        resolve()
      })
    })
    this.#congested = hasRoom ? undefined : written
    if (clear) this.#stderr.write(this.#status)
  }
}

/** Inode numbers may be bigint; JSON has numbers of any length, and restic writes them so. */
function jsonNumber(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? rawJson(value.toString()) : value
}

function rawJson(text: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text)
}

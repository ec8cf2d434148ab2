import { printableName } from '../../base/byte-name.ts'
import type { Clock } from '../../base/clock.ts'
import type { Progress, ProgressSink } from '../../operations/progress.ts'
import { formatBytes } from './format-bytes.ts'
import { formatCount, groupDigits } from './format-count.ts'
import { formatDuration } from './format-duration.ts'
import type { Output } from './output.ts'
import { RateMeter } from './rate-meter.ts'

/** How often progress is shown where the user did not say it. */
const intervalsMs = { terminal: 100, json: 1000, log: 30_000 } as const

/** Files shown as being worked on, in JSON. */
const currentMax = 4

export interface ProgressDisplayOptions {
  readonly output: Output
  readonly clock: Clock
  /** Characters in a line of the terminal that stderr is, or undefined where it is none. */
  readonly columns: number | undefined
  readonly perSecond: number | undefined
}

/**
 * Shows how far an operation is: one line that changes on a terminal, a plain line now and then in a log, and
 * restic's `status` documents with --json. Reports only leave their numbers here, so an operation may send as many
 * as it likes; the display looks at them at its own pace. Nothing is shown with --quiet. End it before the result
 * is printed, best by `await using`.
 */
export class ProgressDisplay {
  readonly #options: ProgressDisplayOptions
  readonly #form: keyof typeof intervalsMs
  readonly #startMs: number
  readonly #stop = new AbortController()
  readonly #meter = new RateMeter()
  readonly #ended: Promise<void>
  #latest: Progress | undefined

  constructor(options: ProgressDisplayOptions) {
    this.#options = options
    this.#form = options.output.json ? 'json' : options.columns === undefined ? 'log' : 'terminal'
    this.#startMs = options.clock.monotonicMs()
    this.#ended = options.output.tells('normal') ? this.#show() : Promise.resolve()
  }

  /** Where the operation reports to. */
  readonly report: ProgressSink = (progress) => {
    if (progress.phase !== this.#latest?.phase) this.#meter.clear()
    this.#latest = progress
  }

  /** Seconds since the display began. */
  get seconds(): number {
    return (this.#options.clock.monotonicMs() - this.#startMs) / 1000
  }

  /** Takes the line away and shows nothing more. */
  async end(): Promise<void> {
    this.#stop.abort()
    await this.#ended
    this.#options.output.status('')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
  }

  async #show(): Promise<void> {
    const { clock, output, perSecond } = this.#options
    const intervalMs = perSecond === undefined ? intervalsMs[this.#form] : 1000 / perSecond
    while (!this.#stop.signal.aborted) {
      try {
        await clock.sleep(intervalMs, this.#stop.signal)
      } catch {
        return // end() was called: this is how the wait stops.
      }
      const progress = this.#latest
      if (progress === undefined) continue
      this.#meter.add(clock.monotonicMs(), progress.bytesDone)
      if (this.#form === 'json') output.document(this.#document(progress))
      else if (this.#form === 'log') output.notice(this.#text(progress))
      else output.status(fitted(this.#text(progress), currentName(progress), this.#options.columns ?? 80))
    }
  }

  #secondsLeft(progress: Progress): number | undefined {
    const rate = this.#meter.bytesPerSecond()
    if (rate === undefined || rate <= 0 || progress.bytesTotal === undefined) return undefined
    return Math.max(0, progress.bytesTotal - progress.bytesDone) / rate
  }

  #text(progress: Progress): string {
    const parts = [`[${formatDuration(this.seconds)}] ${progress.phase}`]
    const share = doneShare(progress)
    if (share !== undefined) parts.push(`${(share * 100).toFixed(1)} %`)
    if (progress.filesDone > 0 || progress.filesTotal !== undefined) {
      const total = progress.filesTotal === undefined ? '' : ` of ${groupDigits(progress.filesTotal)}`
      parts.push(`${groupDigits(progress.filesDone)}${total} files`)
    }
    if (progress.bytesDone > 0 || progress.bytesTotal !== undefined) {
      const total = progress.bytesTotal === undefined ? '' : ` of ${formatBytes(progress.bytesTotal)}`
      parts.push(`${formatBytes(progress.bytesDone)}${total}`)
    }
    const rate = this.#meter.bytesPerSecond()
    if (rate !== undefined) parts.push(`${formatBytes(rate)}/s`)
    const left = this.#secondsLeft(progress)
    if (left !== undefined) parts.push(`${formatDuration(left)} left`)
    if (progress.gaps > 0) parts.push(formatCount(progress.gaps, 'gap'))
    return parts.join(', ')
  }

  #document(progress: Progress): Record<string, unknown> {
    const left = this.#secondsLeft(progress)
    return {
      message_type: 'status',
      phase: progress.phase,
      seconds_elapsed: Math.floor(this.seconds),
      seconds_remaining: left === undefined ? undefined : Math.ceil(left),
      percent_done: doneShare(progress) ?? 0,
      total_files: progress.filesTotal,
      files_done: progress.filesDone,
      total_bytes: progress.bytesTotal,
      bytes_done: progress.bytesDone,
      error_count: progress.gaps,
      current_files: progress.current?.slice(0, currentMax),
    }
  }
}

/** How much is done, from 0 to 1: by bytes where there are any, else by files. */
function doneShare(progress: Progress): number | undefined {
  const { bytesTotal, filesTotal } = progress
  if (bytesTotal !== undefined && bytesTotal > 0) return Math.min(1, progress.bytesDone / bytesTotal)
  if (filesTotal !== undefined && filesTotal > 0) return Math.min(1, progress.filesDone / filesTotal)
  return undefined
}

function currentName(progress: Progress): string {
  const name = progress.current?.[0]
  return name === undefined ? '' : printableName(name)
}

/** The line with as much of the end of `name` as the terminal has room for: the end tells more than the beginning. */
function fitted(text: string, name: string, columns: number): string {
  const room = columns - 1 - text.length - 2
  if (name === '' || room < 8) return text.slice(0, columns - 1)
  return `${text}: ${name.length <= room ? name : `…${name.slice(1 - room)}`}`
}

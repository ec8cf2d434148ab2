import type { ByteName } from '../../base/byte-name.ts'
import { printableName } from '../../base/byte-name.ts'
import type { ProgressSink } from '../progress.ts'
import type { RestoreProblem } from './restore-request.ts'

/** What a restore has done so far, and what went wrong. */
export class RestoreCounts {
  files = 0
  directories = 0
  others = 0
  hardLinks = 0
  filesSkipped = 0
  bytesSkipped = 0
  bytes = 0
  bytesWritten = 0
  filesVerified = 0
  readonly problems: RestoreProblem[] = []
  readonly #progress: ProgressSink
  readonly #totals: { readonly files?: number; readonly bytes?: number }

  constructor(progress: ProgressSink, totals: { readonly files?: number; readonly bytes?: number }) {
    this.#progress = progress
    this.#totals = totals
  }

  /** A file is whole in the target, or would be. */
  file(bytes: number): void {
    this.files++
    this.bytes += bytes
  }

  /** The same, of a file that was there. */
  skippedFile(bytes: number): void {
    this.file(bytes)
    this.filesSkipped++
    this.bytesSkipped += bytes
  }

  problem(problem: RestoreProblem): void {
    this.problems.push(problem)
  }

  /** Files that are counted already were written once more. */
  again({ bytesWritten, problems }: Pick<RestoreCounts, 'bytesWritten' | 'problems'>): void {
    this.bytesWritten += bytesWritten
    for (const problem of problems) this.problem(problem)
  }

  report(phase: string, path: ByteName | undefined): void {
    const { files, bytes } = this.#totals
    const isVerifying = phase !== 'restore'
    const filesDone = isVerifying ? this.filesVerified : this.files
    const bytesDone = isVerifying ? 0 : this.bytesWritten + this.bytesSkipped
    this.#progress({
      phase,
      filesDone,
      bytesDone,
      gaps: this.problems.length,
      ...(files !== undefined && { filesTotal: Math.max(files, filesDone) }),
      ...(bytes !== undefined && !isVerifying && { bytesTotal: Math.max(bytes, bytesDone) }),
      ...(path !== undefined && { current: [printableName(path)] }),
    })
  }
}

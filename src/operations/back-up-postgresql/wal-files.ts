import type { FileSink } from '../../sources/entry-sink.ts'
import { type Lsn, walFileName } from '../../sources/postgresql/lsn.ts'
import type { DataDirectory } from './data-directory.ts'

const zeros = new Uint8Array(1024 * 1024)

/** Puts a stream of WAL into the segment files of pg_wal. What the last one lacks is filled with zeros: there the log ends. */
export class WalFiles {
  readonly #directory: DataDirectory
  readonly #timeline: number
  readonly #segmentBytes: number
  #file: FileSink | undefined
  #at: Lsn

  /** `start`: the beginning of a segment. */
  constructor(directory: DataDirectory, facts: { timeline: number; segmentBytes: number; start: Lsn }) {
    this.#directory = directory
    this.#timeline = facts.timeline
    this.#segmentBytes = facts.segmentBytes
    this.#at = facts.start
  }

  /** Takes the bytes that follow. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; ) {
      this.#file ??= this.#directory.open(`pg_wal/${walFileName(this.#timeline, this.#at, this.#segmentBytes)}`)
      const length = Math.min(bytes.length - from, this.#room)
      await this.#file.write(bytes.subarray(from, from + length))
      from += length
      this.#at += BigInt(length)
      if (this.#room === this.#segmentBytes) await this.#endFile()
    }
  }

  async end(): Promise<void> {
    while (this.#file !== undefined) await this.write(zeros.subarray(0, Math.min(zeros.length, this.#room)))
  }

  /** Bytes up to the end of the segment; all of it at its beginning. */
  get #room(): number {
    return this.#segmentBytes - Number(this.#at % BigInt(this.#segmentBytes))
  }

  async #endFile(): Promise<void> {
    await this.#file!.end()
    this.#file = undefined
  }
}

import { errorMessage } from '../../base/error-message.ts'
import { isFailure } from '../../base/failure.ts'
import { inLanes } from '../../base/in-lanes.ts'
import { setLength } from '../../posix/file-space.ts'
import { close } from '../../posix/open.ts'
import { writeAt } from '../../posix/write.ts'
import type { BlobCheck } from '../../repository/blob-opener.ts'
import { packObjectName } from '../../repository/object-kind.ts'
import type { Repository } from '../../repository/repository.ts'

import { targetsOf } from './file-lots.ts'
import type { OpenDirectories } from './open-directories.ts'
import type { PlannedBlob, Span } from './plan-spans.ts'
import type { RestoreCounts } from './restore-counts.ts'
import type { RestoreCrew } from './restore-crew.ts'
import type { BlobToWrite, FileProblem } from './restore-job.ts'
import type { SpanSlot, SpanSlots } from './span-slots.ts'
import { troubleOf } from './target-trouble.ts'
import { filesOfSpan, type FileToWrite, planWrite, type WritePlan } from './write-plan.ts'

export interface FileWriterOptions {
  readonly repository: Repository
  readonly crew: RestoreCrew
  readonly slots: SpanSlots
  readonly directories: OpenDirectories
  readonly counts: RestoreCounts
  /** `seal`: what is written is read back and hashed later. */
  readonly check: BlobCheck
  /** Which of the groups of files that are restored at the same time this is. */
  readonly group: number
}

/** A blob that could not be read where it was looked for first, its writes by the numbers of the plan's files. */
interface Damage {
  readonly blob: PlannedBlob
  readonly detail: string
}

/**
 * Writes some files. Order: files in parts are made of their full length; spans are read, and what they hold written,
 * in any order; blobs that were damaged are looked for elsewhere; files that are complete then get their metadata, the
 * times last. So a file that has its times is complete, and one that a crash left without is found to be different. (By the seals
 * alone it may hold a blob in another one's place: it is read back and hashed before anybody is told that it is right.)
 */
export class FileWriter {
  readonly #options: FileWriterOptions
  readonly #plan: WritePlan
  readonly #signal: AbortSignal
  /** Files that the target does not take: nothing more is written into them. */
  readonly #failed = new Set<number>()
  /** Files that lack a blob of which no copy is good: they get no metadata. */
  readonly #broken = new Set<number>()
  /** Whole files that no worker has made, as their span could not be read. */
  readonly #unmade = new Set<number>()
  /** Whole files that were made but lack a blob. */
  readonly #incomplete = new Set<number>()
  readonly #damages: Damage[] = []

  constructor(files: readonly FileToWrite[], options: FileWriterOptions, signal: AbortSignal) {
    this.#options = options
    this.#plan = planWrite(files, options.repository.index)
    this.#signal = signal
  }

  /** Writes all; answers the numbers of files that are not whole in the target now. Their problems are told. */
  async write(): Promise<ReadonlySet<number>> {
    const { crew, slots } = this.#options
    const { spans, empty, inParts } = this.#plan
    for (const content of ['new', 'keep'] as const) {
      await this.#prepare(
        inParts.filter((number) => this.#plan.files[number]!.content === content),
        content,
      )
    }
    this.#take(await crew.writeEmpty(this.#files(empty)), empty)
    this.#count(empty)
    await inLanes(spans, slots.count, this.#signal, async (span) => this.#writeSpan(span))
    await this.#repair()
    const rest = [...inParts, ...this.#unmade, ...this.#incomplete].filter((number) => this.#isWell(number))
    this.#take(await crew.finish(this.#files(rest)), rest)
    this.#count(rest)
    return this.#failed.union(this.#broken)
  }

  async #prepare(numbers: readonly number[], content: 'new' | 'keep'): Promise<void> {
    this.#take(await this.#options.crew.prepare(this.#files(numbers), content), numbers)
  }

  /** Reads a stretch of a pack and has a worker write what is wanted of it. */
  async #writeSpan(span: Span): Promise<void> {
    const { slots } = this.#options
    if (span.length > slots.slotBytes) {
      this.#unread(span, 'It is longer than the memory for one reading')
      return
    }
    await slots.with(this.#options.group, async (slot) => {
      try {
        await this.#readSpan(span, slot.bytes)
      } catch (error) {
        if (!isFailure(error, 'repository_damaged') && !isFailure(error, 'object_missing')) throw error
        this.#unread(span, error.message)
        return
      }
      await this.#writeFrom(span, slot)
    })
  }

  async #writeFrom(span: Span, slot: SpanSlot): Promise<void> {
    const { crew, counts, repository, check } = this.#options
    const { index } = repository
    const { files, isWhole } = this.#plan
    const { numbers, wholeCount, blobs } = filesOfSpan(span, isWhole, this.#failed)
    if (blobs.length === 0) return
    const { directories, targets } = targetsOf(this.#files(numbers))
    const whole = targets.slice(0, wholeCount)
    const parts = targets.slice(wholeCount).map((target, at) => {
      return { ...target, content: files[numbers[wholeCount + at]!]!.content }
    })
    const placed = blobs.map(
      ({ entry, writes }): BlobToWrite => ({
        id: index.id(entry),
        at: slot.at + index.offset(entry) - span.offset,
        length: index.length(entry),
        uncompressedLength: index.uncompressedLength(entry),
        writes,
      }),
    )
    const answer = await crew.run({ kind: 'write', directories, whole, parts, blobs: placed, check }, slot.workerIndex)
    counts.bytesWritten += answer.bytesWritten
    this.#take(answer.problems, numbers)
    for (const { blob, detail } of answer.damaged) {
      const writes = blobs[blob]!.writes.map((value, at) => (at % 2 === 0 ? numbers[value]! : value))
      this.#damages.push({ blob: { entry: blobs[blob]!.entry, writes }, detail })
      for (const number of filesOf(writes)) if (isWhole[number]) this.#incomplete.add(number)
    }
    this.#count(numbers.slice(0, wholeCount).filter((number) => !this.#incomplete.has(number)))
    counts.report('restore', files[numbers[0]!]!.file.path)
  }

  async #readSpan(span: Span, into: Uint8Array): Promise<void> {
    const { index, storage } = this.#options.repository
    const { offset, length } = span
    const name = packObjectName(index.packId(span.packNumber))
    const bytes = await storage.get(name, { range: { offset, length }, into }, this.#signal)
    if (bytes.buffer !== into.buffer || bytes.byteOffset !== into.byteOffset) into.set(bytes)
  }

  #unread(span: Span, detail: string): void {
    for (const blob of span.blobs) {
      this.#damages.push({ blob, detail })
      for (const number of filesOf(blob.writes)) if (this.#plan.isWhole[number]) this.#unmade.add(number)
    }
  }

  /** Looks for another copy of each blob that was damaged where it was read, and writes that. */
  async #repair(): Promise<void> {
    const { repository, counts } = this.#options
    await this.#prepare([...this.#unmade], 'new')
    for (const { blob, detail } of this.#damages) {
      const numbers = filesOf(blob.writes).filter((number) => !this.#failed.has(number))
      if (numbers.length === 0) continue
      try {
        const content = await repository.loadBlob(repository.index.id(blob.entry), 'data', this.#signal)
        for (let at = 0; at < blob.writes.length; at += 2) this.#patch(blob.writes[at]!, content, blob.writes[at + 1]!)
      } catch (error) {
        if (!isFailure(error, 'repository_damaged') && !isFailure(error, 'object_missing')) throw error
        for (const number of numbers) {
          // One blob of a file is told, however many are lost: it is not whole.
          if (this.#broken.has(number)) continue
          this.#broken.add(number)
          const { path } = this.#plan.files[number]!.file
          const found = errorMessage(error)
          counts.problem({ path, code: error.code, detail: found.includes(detail) ? found : `${detail}; ${found}` })
        }
      }
    }
  }

  #patch(number: number, content: Uint8Array, offset: number): void {
    if (this.#failed.has(number)) return
    const { directory, node, size } = this.#plan.files[number]!.file
    try {
      const fd = this.#options.directories.get(directory).presentFile(node.name)
      try {
        setLength(fd, size)
        writeAt(fd, content, offset)
      } finally {
        close(fd)
      }
      this.#options.counts.bytesWritten += content.length
    } catch (error) {
      this.#take([{ file: 0, what: 'file', ...troubleOf(error) }], [number])
    }
  }

  /** Tells the problems of files that a job named by their places in `numbers`. */
  #take(problems: readonly FileProblem[], numbers: readonly number[]): void {
    for (const { file, what, code, detail } of problems) {
      const number = numbers[file]!
      if (what === 'file') {
        if (this.#failed.has(number)) continue // Several spans may have met the same trouble.
        this.#failed.add(number)
      }
      this.#options.counts.problem({ path: this.#plan.files[number]!.file.path, code, detail })
    }
  }

  #count(numbers: readonly number[]): void {
    for (const number of numbers)
      if (this.#isWell(number)) this.#options.counts.file(this.#plan.files[number]!.file.size)
  }

  #isWell(number: number): boolean {
    return !this.#failed.has(number) && !this.#broken.has(number)
  }

  #files(numbers: readonly number[]): FileToWrite['file'][] {
    return numbers.map((number) => this.#plan.files[number]!.file)
  }
}

/** Each file of these pairs once. */
function filesOf(writes: readonly number[]): number[] {
  return [...new Set(writes.filter((_, at) => at % 2 === 0))]
}

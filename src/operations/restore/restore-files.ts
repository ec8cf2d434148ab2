import type { ByteName } from '../../base/byte-name.ts'
import { errorMessage } from '../../base/error-message.ts'
import { Failure, type FailureCode, isFailure } from '../../base/failure.ts'
import type { WorkerPool } from '../../kernels/worker-pool.ts'
import { parseGoTime } from '../../model/go-time.ts'
import type { Node } from '../../model/node.ts'
import { setLength } from '../../posix/file-space.ts'
import { close } from '../../posix/open.ts'
import { writeAt } from '../../posix/write.ts'
import { packObjectName } from '../../repository/object-kind.ts'
import type { Repository } from '../../repository/repository.ts'
import { eachAtOnce } from '../each-at-once.ts'
import type { OpenDirectories } from './open-directories.ts'
import { type PlannedBlob, planSpans, type Span, type WantedContent } from './plan-spans.ts'
import type { RestoreCounts } from './restore-counts.ts'
import type { BlobToWrite, Comparison, FileProblem, FileTarget, RestoreAnswer, RestoreJob } from './restore-job.ts'
import type { OverwriteRule } from './restore-request.ts'
import type { SpanSlots } from './span-slots.ts'

/** Files without content, and files to be compared, are handed out in lots. */
const lotFilesMax = 256
const lotBytesMax = 16 * 1024 * 1024

/** A file to be restored. */
export interface WantedFile {
  /** In the snapshot. */
  readonly path: ByteName
  readonly node: Node
  /** Names that lead from the target to its directory. */
  readonly directory: readonly ByteName[]
  /** Nothing can be there: its directory was made by this restore. */
  readonly isNew: boolean
}

/** A file with its place in the repository. */
interface LocatedFile extends WantedFile {
  readonly size: number
  /** Entries of the index, lengths and offsets of its blobs. */
  readonly entries: readonly number[]
  readonly lengths: readonly number[]
  readonly offsets: readonly number[]
}

/** A blob that could not be read where it was looked for first. */
interface Damage {
  readonly blob: PlannedBlob
  readonly detail: string
}

/** What may go wrong with one damaged blob without ending the restore. */
const patchFaults: ReadonlySet<FailureCode> = new Set([
  'repository_damaged',
  'object_missing',
  'target_failed',
  'target_unsafe',
])

/** A file of which something is to be written. */
interface FileToWrite extends WantedContent {
  readonly file: LocatedFile
  /** Everything is written anew; else it is there and only some blobs are wrong. */
  readonly content: 'new' | 'keep'
}

export interface RestoreFilesOptions {
  readonly repository: Repository
  readonly pool: WorkerPool<RestoreJob, RestoreAnswer>
  readonly slots: SpanSlots
  /** The main thread's own way into the target; undefined where there is none, in a dry run. */
  readonly directories: OpenDirectories | undefined
  readonly overwrite: OverwriteRule
  readonly dryRun: boolean
  readonly counts: RestoreCounts
}

/** Restores the content and metadata of some files at a time: as many as the caller holds in memory at once. */
export class FileRestorer {
  readonly #options: RestoreFilesOptions
  readonly #signal: AbortSignal

  constructor(options: RestoreFilesOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
  }

  async restore(wanted: readonly WantedFile[]): Promise<void> {
    const { counts } = this.#options
    const located = wanted.map((file) => this.#locate(file)).filter((file) => file !== undefined)
    const files = await this.#select(located)
    for (const { file } of files) {
      counts.files++
      counts.bytes += file.size
    }
    if (!this.#options.dryRun) await this.#write(files)
    counts.report('restore', wanted.at(-1)?.path)
  }

  /** Reads files back and compares their content. */
  async verify(wanted: readonly WantedFile[]): Promise<void> {
    const { counts } = this.#options
    const files = wanted.map((file) => this.#locate(file)).filter((file) => file !== undefined)
    const comparisons = await this.#compare(files, 'content')
    for (const [number, comparison] of comparisons.entries()) {
      counts.filesVerified++
      if (comparison.state === 'equal') continue
      const found = comparison.state === 'absent' ? 'it is not there' : 'its content differs from the snapshot'
      counts.problem({ path: files[number]!.path, code: 'not_proven', detail: `Read back after the restore, ${found}` })
    }
    counts.report('verify', wanted.at(-1)?.path)
  }

  #locate(file: WantedFile): LocatedFile | undefined {
    const { index } = this.#options.repository
    const content = file.node.content ?? []
    const entries = Array.from<number>({ length: content.length })
    const lengths = Array.from<number>({ length: content.length })
    const offsets = Array.from<number>({ length: content.length })
    let size = 0
    for (let at = 0; at < content.length; at++) {
      const entry = index.find(content[at]!, 'data')
      if (entry < 0) {
        const detail = `Its blob "${content[at]}" is in no index`
        this.#options.counts.problem({ path: file.path, code: 'object_missing', detail })
        return undefined
      }
      entries[at] = entry
      offsets[at] = size
      lengths[at] = index.plaintextLength(entry)
      size += lengths[at]!
    }
    if (size !== (file.node.size ?? 0)) {
      const detail = `Its size is ${file.node.size ?? 0} bytes, but its content has ${size}; the content is restored`
      this.#options.counts.problem({ path: file.path, code: 'repository_damaged', detail })
    }
    return { ...file, size, entries, lengths, offsets }
  }

  /** Decides what is to be written, by what is there. */
  async #select(files: readonly LocatedFile[]): Promise<FileToWrite[]> {
    const { overwrite, counts } = this.#options
    const isAllNew = this.#options.directories === undefined || files.every((file) => file.isNew)
    const comparisons = isAllNew
      ? []
      : await this.#compare(
          files.filter((file) => !file.isNew),
          overwrite === 'always' ? 'content' : 'times',
        )
    const result: FileToWrite[] = []
    const metadataOnly: LocatedFile[] = []
    let at = 0
    for (const file of files) {
      const whole = { file, entries: file.entries, offsets: file.offsets, content: 'new' as const }
      if (file.isNew || isAllNew) {
        result.push(whole)
        continue
      }
      const comparison = comparisons[at++]!
      if (comparison.state === 'absent') result.push(whole)
      else if (comparison.state === 'equal' || isLeftAlone(file, comparison, overwrite)) {
        counts.filesSkipped++
        counts.bytesSkipped += file.size
        if (comparison.state === 'equal' && overwrite === 'always') metadataOnly.push(file)
      } else if (overwrite !== 'always' || comparison.wrong.length === file.entries.length) result.push(whole)
      else result.push(partOf(file, comparison.wrong))
    }
    if (!this.#options.dryRun) await this.#finish(metadataOnly)
    return result
  }

  async #compare(files: readonly LocatedFile[], by: 'content' | 'times'): Promise<Comparison[]> {
    const comparisons: Comparison[] = []
    await eachAtOnce(lots(files), 2 * this.#options.pool.workersMax, async ({ from, lot }) => {
      const { directories, targets } = targetsOf(lot)
      const answer = await this.#run(
        {
          kind: 'compare',
          directories,
          files: targets.map((target, number) => ({
            ...target,
            node: { ...target.node, content: lot[number]!.node.content },
            lengths: lot[number]!.lengths,
          })),
          trustTimes: by === 'times',
        },
        'compare',
      )
      // What can not be read is written anew; after a restore, it is told as not proven.
      for (const [number, comparison] of answer.comparisons.entries()) comparisons[from + number] = comparison
    })
    return comparisons
  }

  async #write(files: readonly FileToWrite[]): Promise<void> {
    const spans = planSpans(files, this.#options.repository.index)
    const spanOf = new Map<number, Span | undefined>()
    for (const span of spans) {
      for (const blob of span.blobs) {
        for (let at = 0; at < blob.writes.length; at += 2) {
          const number = blob.writes[at]!
          spanOf.set(number, spanOf.has(number) && spanOf.get(number) !== span ? undefined : span)
        }
      }
    }
    const isWhole = files.map(
      ({ content, entries }, number) => content === 'new' && (entries.length === 0 || spanOf.get(number) !== undefined),
    )
    await this.#prepare(files.filter((_, number) => !isWhole[number]))
    const empty = files.filter(({ content, entries }) => content === 'new' && entries.length === 0)
    await eachAtOnce(lots(empty.map(({ file }) => file)), 2 * this.#options.pool.workersMax, async ({ lot }) => {
      const { directories, targets } = targetsOf(lot)
      const answer = await this.#run({ kind: 'write', directories, whole: targets, parts: [], blobs: [] }, 'write')
      this.#problems(lot, answer.problems)
    })
    const failed = new Set<number>()
    const damages: Damage[] = []
    await eachAtOnce(spans, this.#options.slots.count, async (span) => {
      damages.push(...(await this.#writeSpan(span, files, isWhole, failed)))
    })
    const repaired = await this.#repair(damages, files, failed)
    const rest = files.filter((_, number) => (!isWhole[number] || repaired.has(number)) && !failed.has(number))
    await this.#finish(rest.map(({ file }) => file))
  }

  /** Files that get their content from more than one span are made first. */
  async #prepare(files: readonly FileToWrite[]): Promise<void> {
    for (const content of ['new', 'keep'] as const) {
      const some = files.filter((file) => file.content === content).map(({ file }) => file)
      await eachAtOnce(lots(some), 2 * this.#options.pool.workersMax, async ({ lot }) => {
        const { directories, targets } = targetsOf(lot)
        const answer = await this.#run({ kind: 'prepare', directories, files: targets, content }, 'prepare')
        this.#problems(lot, answer.problems)
      })
    }
  }

  /** Reads a stretch of a pack and has a worker write what is wanted of it. Answers the blobs that are damaged. */
  async #writeSpan(
    span: Span,
    files: readonly FileToWrite[],
    isWhole: readonly boolean[],
    failed: Set<number>,
  ): Promise<Damage[]> {
    const { slots, counts, repository } = this.#options
    const { index } = repository
    if (span.length > slots.slotBytes) return span.blobs.map((blob) => ({ blob, detail: 'It is too large for a slot' }))
    return await slots.with(async (slot) => {
      try {
        await this.#readSpan(span, slot.bytes)
      } catch (error) {
        if (!isFailure(error, 'repository_damaged') && !isFailure(error, 'object_missing')) throw error
        return span.blobs.map((blob) => ({ blob, detail: error.message }))
      }
      const { numbers, wholeCount, translate } = numbering(span, isWhole)
      const lot = numbers.map((number) => files[number]!.file)
      const { directories, targets } = targetsOf(lot)
      const blobs = span.blobs.map(
        ({ entry, writes }): BlobToWrite => ({
          id: index.id(entry),
          at: slot.at + index.offset(entry) - span.offset,
          length: index.length(entry),
          uncompressedLength: index.uncompressedLength(entry),
          writes: translate(writes),
        }),
      )
      const job = {
        kind: 'write',
        directories,
        whole: targets.slice(0, wholeCount),
        parts: targets.slice(wholeCount),
        blobs,
      } as const
      const answer = await this.#run(job, 'write', slot.workerIndex)
      counts.bytesWritten += answer.bytesWritten
      this.#problems(lot, answer.problems)
      for (const { file } of answer.problems) failed.add(numbers[file]!)
      counts.report('restore', lot[0]?.path)
      return answer.damaged.map(({ blob, detail }) => ({ blob: span.blobs[blob]!, detail }))
    })
  }

  async #readSpan(span: Span, into: Uint8Array): Promise<void> {
    const { index, storage } = this.#options.repository
    const { offset, length } = span
    const name = packObjectName(index.packId(span.packNumber))
    const bytes = await storage.get(name, { range: { offset, length }, into }, this.#signal)
    if (bytes.buffer !== into.buffer || bytes.byteOffset !== into.byteOffset) into.set(bytes)
  }

  /** Blobs that were damaged where they were read: another copy is looked for, and written. Answers the files that were mended. */
  async #repair(damages: readonly Damage[], files: readonly FileToWrite[], failed: Set<number>): Promise<Set<number>> {
    const mended = new Set<number>()
    const { repository, counts } = this.#options
    for (const { blob, detail } of damages) {
      const numbers = blob.writes.filter((_, at) => at % 2 === 0)
      try {
        const content = await repository.loadBlob(repository.index.id(blob.entry), 'data', this.#signal)
        this.#patch(content, blob.writes, files)
        counts.bytesWritten += content.length * numbers.length
        for (const number of numbers) mended.add(number)
      } catch (error) {
        if (!isFailure(error) || !patchFaults.has(error.code)) throw error
        for (const number of new Set(numbers)) {
          failed.add(number)
          const path = files[number]!.file.path
          counts.problem({ path, code: error.code, detail: `${detail}; no other copy is good: ${errorMessage(error)}` })
        }
      }
    }
    return mended
  }

  #patch(content: Uint8Array, writes: readonly number[], files: readonly FileToWrite[]): void {
    for (let at = 0; at < writes.length; at += 2) {
      const { directory, node, size } = files[writes[at]!]!.file
      const fd = this.#options.directories!.get(directory).presentFile(node.name)
      try {
        setLength(fd, size)
        writeAt(fd, content, writes[at + 1]!)
      } finally {
        close(fd)
      }
    }
  }

  async #finish(files: readonly LocatedFile[]): Promise<void> {
    await eachAtOnce(lots(files), 2 * this.#options.pool.workersMax, async ({ lot }) => {
      const { directories, targets } = targetsOf(lot)
      const answer = await this.#run({ kind: 'finish', directories, files: targets }, 'finish')
      this.#problems(lot, answer.problems)
    })
  }

  #problems(files: readonly WantedFile[], problems: readonly FileProblem[]): void {
    for (const { file, code, detail } of problems)
      this.#options.counts.problem({ path: files[file]!.path, code, detail })
  }

  async #run<Kind extends RestoreJob['kind']>(
    job: RestoreJob,
    kind: Kind,
    workerIndex?: number,
  ): Promise<Extract<RestoreAnswer, { kind: Kind }>> {
    const options = { signal: this.#signal, ...(workerIndex !== undefined && { workerIndex }) }
    const answer = await this.#options.pool.run(job, [], options)
    if (answer.kind !== kind) throw new Failure('defect', `A worker answered "${answer.kind}" to "${kind}"`)
    return answer as Extract<RestoreAnswer, { kind: Kind }>
  }
}

function isLeftAlone(file: LocatedFile, comparison: Comparison, rule: OverwriteRule): boolean {
  if (rule === 'never') return true
  if (rule !== 'if-newer' || file.node.mtime === undefined) return false
  return comparison.mtimeSeconds >= parseGoTime(file.node.mtime).seconds
}

function partOf(file: LocatedFile, wrong: readonly number[]): FileToWrite {
  return {
    file,
    content: 'keep',
    entries: wrong.map((number) => file.entries[number]!),
    offsets: wrong.map((number) => file.offsets[number]!),
  }
}

function* lots(files: readonly LocatedFile[]): Generator<{ readonly from: number; readonly lot: LocatedFile[] }> {
  let lot: LocatedFile[] = []
  let bytes = 0
  let from = 0
  for (const file of files) {
    lot.push(file)
    bytes += file.size
    if (lot.length < lotFilesMax && bytes < lotBytesMax) continue
    yield { from, lot }
    from += lot.length
    lot = []
    bytes = 0
  }
  if (lot.length > 0) yield { from, lot }
}

/** Files as a job names them: each directory told once. */
function targetsOf(files: readonly LocatedFile[]): { directories: (readonly ByteName[])[]; targets: FileTarget[] } {
  const directories: (readonly ByteName[])[] = []
  let last: readonly ByteName[] | undefined
  const numbers = new Map<readonly ByteName[], number>()
  const targets = files.map(({ directory, node, size }) => {
    if (directory !== last) {
      last = directory
      if (!numbers.has(directory)) numbers.set(directory, directories.push(directory) - 1)
    }
    return { directory: numbers.get(directory)!, node: metadataOf(node), size }
  })
  return { directories, targets }
}

/** What a worker needs of a node: little, since there are many. */
function metadataOf(node: Node): Node {
  const { name, type, mode, mtime, atime, uid, gid, extended_attributes } = node
  return {
    ...{ name, type, uid, gid, content: null },
    ...(mode !== undefined && { mode }),
    ...(mtime !== undefined && { mtime }),
    ...(atime !== undefined && atime !== mtime && { atime }),
    ...(extended_attributes !== undefined && { extended_attributes }),
  }
}

/** Numbers the files of a span through, the whole ones first. */
function numbering(
  span: Span,
  isWhole: readonly boolean[],
): { numbers: number[]; wholeCount: number; translate: (writes: readonly number[]) => number[] } {
  const seen = new Set<number>()
  for (const { writes } of span.blobs) for (let at = 0; at < writes.length; at += 2) seen.add(writes[at]!)
  const whole = [...seen].filter((number) => isWhole[number])
  const numbers = [...whole, ...[...seen].filter((number) => !isWhole[number])]
  const places = new Map(numbers.map((number, place) => [number, place]))
  const translate = (writes: readonly number[]): number[] =>
    writes.map((value, at) => (at % 2 === 0 ? places.get(value)! : value))
  return { numbers, wholeCount: whole.length, translate }
}

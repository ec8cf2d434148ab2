import type { ByteName } from '../../base/byte-name.ts'
import type { BlobCheck } from '../../repository/blob-opener.ts'
import type { Repository } from '../../repository/repository.ts'
import { type LocatedFile, locateFile, pathBelowTarget, type WantedFile } from './located-file.ts'
import type { OpenDirectories } from './open-directories.ts'
import { isLeftAlone, type OverwriteRule } from './overwrite-rule.ts'
import type { RestoreCounts } from './restore-counts.ts'
import type { RestoreCrew } from './restore-crew.ts'
import type { CompareBy } from './restore-job.ts'
import type { SpanSlots } from './span-slots.ts'
import { FileWriter } from './write-files.ts'
import { type FileToWrite, fileToWrite } from './write-plan.ts'

export interface RestoreFilesOptions {
  readonly repository: Repository
  readonly crew: RestoreCrew
  readonly slots: SpanSlots
  /** The main thread's own way into the target; undefined where there is none, in a dry run. */
  readonly directories: OpenDirectories | undefined
  readonly overwrite: OverwriteRule
  readonly dryRun: boolean
  /** What is verified of a blob before it is written: its seal will do where verify() is called at the end. */
  readonly check: BlobCheck
  readonly counts: RestoreCounts
  /** Takes the paths of files that differ, and that the rule of overwriting left alone: these are not verified. */
  readonly leftAlone: Set<ByteName>
}

/** What is to be done with some files. */
interface Selection {
  readonly toWrite: readonly FileToWrite[]
  /** Their content is right. */
  readonly toFinish: readonly LocatedFile[]
}

/** Restores the content and metadata of some files at a time: as many as the caller holds in memory at once. */
export class FileRestorer {
  readonly #options: RestoreFilesOptions
  readonly #signal: AbortSignal
  /** Paths of files of several names that are not in the target as the snapshot has them. */
  readonly #missing = new Set<ByteName>()

  constructor(options: RestoreFilesOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
  }

  /** `group`: which of the groups that are restored at the same time these files are. */
  async restore(wanted: readonly WantedFile[], group = 0): Promise<void> {
    await this.#options.slots.share(group, () => this.#restore(wanted, group))
  }

  async #restore(wanted: readonly WantedFile[], group: number): Promise<void> {
    const { counts, crew, directories, dryRun } = this.#options
    const files: LocatedFile[] = []
    for (const file of wanted) {
      const located = locateFile(file, this.#options.repository.index, (problem) => counts.problem(problem))
      if (located === undefined) this.#miss(file)
      else files.push(located)
    }
    const { toWrite, toFinish } = await this.#select(files)
    if (dryRun || directories === undefined) {
      for (const { file } of toWrite) counts.file(file.size)
    } else {
      for (const { file, code, detail } of await crew.finish(toFinish)) {
        counts.problem({ path: toFinish[file]!.path, code, detail })
      }
      const writer = new FileWriter(toWrite, { ...this.#options, directories, group }, this.#signal)
      for (const number of await writer.write()) this.#miss(toWrite[number]!.file)
    }
    counts.report('restore', wanted.at(-1)?.path)
  }

  /** Whether a file of several names, of those given to restore(), is in the target now, so that it can be linked to. */
  isThere(path: ByteName): boolean {
    return !this.#missing.has(path)
  }

  /**
   * Reads files back and compares their content: with the SHA-256 of the whole, where there is one for their path below the target.
   * Files that are not as they should be are told, but for those of which `again` says that they will be written once more.
   */
  async verify(
    wanted: readonly WantedFile[],
    digests: ReadonlyMap<ByteName, string | undefined>,
    again: (file: WantedFile) => boolean = () => false,
  ): Promise<void> {
    const { counts, crew, leftAlone, repository } = this.#options
    const files: LocatedFile[] = []
    for (const file of wanted) {
      if (leftAlone.has(file.path)) continue
      const located = locateFile(file, repository.index, () => {}) // It was told when the file was restored.
      if (located !== undefined) files.push(located)
    }
    const comparisons = await crew.compare(files, 'proof', (file) => digests.get(pathBelowTarget(file)))
    for (const [number, comparison] of comparisons.entries()) {
      if (comparison.state === 'equal') {
        counts.filesVerified++
        continue
      }
      if (again(files[number]!)) continue
      const found =
        comparison.state === 'absent'
          ? 'it is not there'
          : (comparison.trouble ?? 'its content differs from the snapshot')
      counts.problem({ path: files[number]!.path, code: 'not_proven', detail: `Read back after the restore: ${found}` })
    }
    counts.report('verify', wanted.at(-1)?.path)
  }

  /** Decides what is to be written, by what is there. */
  async #select(files: readonly LocatedFile[]): Promise<Selection> {
    const { overwrite, counts, crew, directories, leftAlone } = this.#options
    const isNew = (file: LocatedFile): boolean => file.isNew || directories === undefined
    const present = files.filter((file) => !isNew(file))
    const comparisons = present.length === 0 ? [] : await crew.compare(present, compareBy[overwrite])
    const toWrite: FileToWrite[] = []
    const toFinish: LocatedFile[] = []
    let at = 0
    for (const file of files) {
      const comparison = isNew(file) ? undefined : comparisons[at++]!
      if (comparison === undefined || comparison.state === 'absent') {
        toWrite.push(fileToWrite(file, 'all'))
        continue
      }
      const isLeft = isLeftAlone(overwrite, comparison.mtime, file.node.mtime)
      if (comparison.state === 'different' && !isLeft) {
        toWrite.push(fileToWrite(file, comparison.wrong))
        continue
      }
      counts.skippedFile(file.size)
      if (comparison.state === 'equal') {
        if (!isLeft && comparison.metadata === 'unknown') toFinish.push(file)
        continue
      }
      this.#miss(file)
      leftAlone.add(file.path)
    }
    return { toWrite, toFinish }
  }

  #miss({ path, node }: WantedFile): void {
    if ((node.links ?? 1) > 1) this.#missing.add(path)
  }
}

const compareBy = {
  always: 'content',
  'if-changed': 'times',
  'if-newer': 'times',
  never: 'presence',
} as const satisfies Record<OverwriteRule, CompareBy>

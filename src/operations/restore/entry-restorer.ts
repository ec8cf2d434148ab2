import type { ByteName } from '../../base/byte-name.ts'
import { errorMessage } from '../../base/error-message.ts'
import { isFailure } from '../../base/failure.ts'
import { parseGoTime } from '../../model/go-time.ts'
import type { Node } from '../../model/node.ts'
import type { FileStat } from '../../posix/stat.ts'
import type { MetadataProblem } from '../../sources/files/apply-metadata.ts'
import type { OpenDirectories } from './open-directories.ts'
import type { RestoreCounts } from './restore-counts.ts'
import type { WantedFile } from './restore-files.ts'
import type { OverwriteRule } from './restore-request.ts'
import type { WalkedEntry, WalkEvent } from './walk-tree.ts'

export interface EntryRestorerOptions {
  /** Undefined in a dry run into a target that is not there. */
  readonly directories: OpenDirectories | undefined
  readonly counts: RestoreCounts
  readonly dryRun: boolean
  readonly overwrite: OverwriteRule
}

/** Restores everything but files: directories before them, symlinks, fifos and devices; hard links and the metadata of directories after them. */
export class EntryRestorer {
  readonly #options: EntryRestorerOptions
  /** Directories that this restore made, so that nothing else can be in them; by their path below the target. */
  readonly #made = new Set<ByteName>()
  /** Directories that could not be made: what is in them is not tried. */
  readonly #refused = new Set<ByteName>()
  /** Of files with several names, the first one: by device and inode. */
  readonly #firstNames = new Map<string, WalkedEntry>()
  readonly #links: { readonly entry: WalkedEntry; readonly first: WalkedEntry }[] = []
  /** Directories whose metadata wait, innermost first. */
  readonly #left: WalkedEntry[] = []

  constructor(options: EntryRestorerOptions) {
    this.#options = options
  }

  /** Restores what is told, as it is told, and passes on the files, whose content others restore. */
  async *restore(events: AsyncIterable<WalkEvent>): AsyncGenerator<WantedFile, void, undefined> {
    for await (const event of events) {
      if (event.kind === 'problem') this.#options.counts.problem(event)
      else if (event.kind === 'leave') this.#left.push(event.entry)
      else if (!this.#refused.has(pathOf(event.entry.directory))) {
        const file = this.#entry(event.entry)
        if (file !== undefined) yield file
      } else if (event.entry.node.type === 'dir') this.#refused.add(pathBelow(event.entry))
    }
  }

  /** To be called when all files are there. */
  finish(): void {
    const { counts, dryRun } = this.#options
    for (const { entry, first } of this.#links) {
      this.#attempt(entry, () => {
        counts.hardLinks++
        if (dryRun) return
        const source = { directory: this.#directory(first), name: first.node.name }
        this.#directory(entry).hardLink(entry.node.name, source)
      })
    }
    if (dryRun) return
    for (const entry of this.#left) {
      if (this.#refused.has(pathBelow(entry))) continue
      this.#attempt(entry, () => {
        const directory = this.#options.directories!.get([...entry.directory, entry.node.name])
        this.#metadata(entry, directory.applyOwnMetadata(entry.node))
      })
    }
  }

  #entry(entry: WalkedEntry): WantedFile | undefined {
    const { node, path, directory } = entry
    switch (node.type) {
      case 'dir':
        this.#makeDirectory(entry)
        return undefined
      case 'file': {
        if (this.#isFurtherName(entry)) return undefined
        return { path, node, directory, isNew: this.#made.has(pathOf(directory)) }
      }
      case 'symlink':
      case 'fifo':
      case 'dev':
      case 'chardev':
        this.#attempt(entry, () => this.#makeOther(entry))
        return undefined
      default:
        this.#options.counts.problem({
          path,
          code: 'unsupported',
          detail: `It is of type "${node.type}", which can not be restored`,
        })
        return undefined
    }
  }

  #makeDirectory(entry: WalkedEntry): void {
    const { counts, dryRun } = this.#options
    const below = pathBelow(entry)
    const isDone = this.#attempt(entry, () => {
      counts.directories++
      if (this.#made.has(pathOf(entry.directory)) || this.#stat(entry) === undefined) this.#made.add(below)
      if (!dryRun) this.#directory(entry).directory(entry.node.name).close()
    })
    if (!isDone) this.#refused.add(below)
  }

  /** Whether an earlier name of the same file is restored; then this one becomes a hard link to it. */
  #isFurtherName(entry: WalkedEntry): boolean {
    const { links, inode, device_id, content } = entry.node
    if ((links ?? 1) < 2 || inode === undefined) return false
    const key = `${device_id ?? 0}:${inode}`
    const first = this.#firstNames.get(key)
    if (first === undefined) {
      this.#firstNames.set(key, entry)
      return false
    }
    // Inodes are reused while a backup runs: only the same content is the same file.
    if (JSON.stringify(first.node.content) !== JSON.stringify(content)) return false
    this.#links.push({ entry, first })
    return true
  }

  #makeOther(entry: WalkedEntry): void {
    const { counts, dryRun, overwrite } = this.#options
    const { node } = entry
    counts.others++
    const present = this.#made.has(pathOf(entry.directory)) ? undefined : this.#stat(entry)
    if (dryRun || (present !== undefined && isLeftAlone(node, present, overwrite))) return
    const directory = this.#directory(entry)
    if (node.type === 'symlink') {
      const isRight = present?.type === 'symlink' && directory.linkTarget(node.name) === node.linktarget
      if (!isRight) directory.symlink(node.name, node.linktarget ?? '')
    } else if (present?.type !== node.type || present.device !== Number(node.device ?? 0))
      directory.specialFile(node.name, node)
    this.#metadata(entry, directory.applyMetadata(node.name, node))
  }

  #stat(entry: WalkedEntry): FileStat | undefined {
    const { directories } = this.#options
    return directories === undefined || this.#made.has(pathOf(entry.directory))
      ? undefined
      : this.#directory(entry).stat(entry.node.name)
  }

  #directory(entry: WalkedEntry): ReturnType<OpenDirectories['get']> {
    return this.#options.directories!.get(entry.directory)
  }

  #metadata(entry: WalkedEntry, problems: readonly MetadataProblem[]): void {
    for (const { what, detail } of problems) {
      this.#options.counts.problem({
        path: entry.path,
        code: 'target_failed',
        detail: `Cannot set its ${what}: ${detail}`,
      })
    }
  }

  /** Failures of the target are problems of the entry. Answers whether all went well. */
  #attempt(entry: WalkedEntry, action: () => void): boolean {
    try {
      action()
      return true
    } catch (error) {
      if (!isFailure(error, 'target_failed') && !isFailure(error, 'target_unsafe')) throw error
      this.#options.counts.problem({ path: entry.path, code: error.code, detail: errorMessage(error) })
      return false
    }
  }
}

function isLeftAlone(node: Node, present: FileStat, rule: OverwriteRule): boolean {
  if (rule === 'never') return true
  return rule === 'if-newer' && node.mtime !== undefined && present.mtimeSeconds >= parseGoTime(node.mtime).seconds
}

function pathOf(names: readonly ByteName[]): ByteName {
  return names.join('/')
}

function pathBelow(entry: WalkedEntry): ByteName {
  return pathOf([...entry.directory, entry.node.name])
}

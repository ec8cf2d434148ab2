import { type ByteName, printableName } from '../../base/byte-name.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import type { FileStat } from '../../posix/stat.ts'
import type { MetadataProblem } from '../../sources/files/apply-metadata.ts'
import type { WantedFile } from './located-file.ts'
import type { OpenDirectories } from './open-directories.ts'
import { isLeftAlone, type OverwriteRule } from './overwrite-rule.ts'
import type { RestoreCounts } from './restore-counts.ts'
import { troubleOf } from './target-trouble.ts'
import type { WalkedEntry, WalkEvent } from './walk-tree.ts'

export interface EntryRestorerOptions {
  /** Undefined in a dry run into a target that is not there. */
  readonly directories: OpenDirectories | undefined
  readonly counts: RestoreCounts
  readonly dryRun: boolean
  readonly overwrite: OverwriteRule
  /** Takes the paths of files that differ, and that the rule of overwriting left alone. */
  readonly leftAlone: Set<ByteName>
}

/** Errors of a file system that can not link two files; they can be written twice. */
const unlinkable: ReadonlySet<unknown> = new Set(['EXDEV', 'EMLINK', 'EPERM', 'ENOTSUP'])

/** Restores everything but files: directories before them, symlinks, fifos and devices; hard links and the metadata of directories after them. */
export class EntryRestorer {
  readonly #options: EntryRestorerOptions
  /** Directories that this restore made, so that nothing else can be in them; by their path below the target. */
  readonly #made = new Set<ByteName>()
  /** Directories that could not be made: what is in them is not tried. */
  readonly #refused = new Set<ByteName>()
  /** Of files with several names, the first one: by device and inode. */
  readonly #firstNames = new Map<string, WalkedEntry>()
  #links: { readonly entry: WalkedEntry; readonly first: WalkedEntry }[] = []
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

  /**
   * Gives files their further names, when all that restore() passed on is there, as `isThere` says of a path in the
   * snapshot. Where the first name is not there, or can not be linked to, the next one is restored as a file in its
   * place: these are answered, and when they are there too, this is to be called again, until it answers none.
   */
  link(isThere: (path: ByteName) => boolean): WantedFile[] {
    const waiting = this.#links
    this.#links = []
    const heirs = new Map<WalkedEntry, WalkedEntry>()
    for (const { entry, first } of waiting) {
      const heir = heirs.get(first)
      if (heir !== undefined) this.#links.push({ entry, first: heir })
      else if (!isThere(first.path) || !this.#makeLink(entry, first)) heirs.set(first, entry)
    }
    return Array.from(heirs.values(), ({ path, node, directory }) => ({ path, node, directory, isNew: false }))
  }

  /** Gives directories their metadata, when everything is in them. */
  finish(): void {
    if (this.#options.dryRun) return
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
        if (!this.#attempt(entry, () => this.#makeDirectory(entry))) this.#refused.add(pathBelow(entry))
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
    const { counts, dryRun, overwrite } = this.#options
    const present = this.#stat(entry)
    if (present?.type === 'symlink') {
      throw new Failure('target_unsafe', `${cannotMake(entry)}: found a symlink, expected a directory or nothing`)
    }
    if (present !== undefined && present.type !== 'dir' && overwrite === 'never') {
      throw new Failure('target_failed', `${cannotMake(entry)}: a file has its name, and nothing is to be overwritten`)
    }
    if (!dryRun) this.#directory(entry).directory(entry.node.name).close()
    if (present?.type !== 'dir') this.#made.add(pathBelow(entry))
    counts.directories++
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

  /** Answers false where the file system can not link the two; other troubles are problems of the entry. */
  #makeLink(entry: WalkedEntry, first: WalkedEntry): boolean {
    const { counts, dryRun, overwrite, leftAlone } = this.#options
    const { name, mtime } = entry.node
    let canLink = true
    this.#attempt(entry, () => {
      const present = this.#stat(entry)
      if (present !== undefined && isLeftAlone(overwrite, mtimeOf(present), mtime)) {
        if (!isSameFile(present, this.#stat(first))) leftAlone.add(entry.path)
      } else if (!dryRun) {
        try {
          const source = { directory: this.#directory(first), name: first.node.name }
          this.#directory(entry).hardLink(name, source)
        } catch (error) {
          canLink = !isFailure(error, 'target_failed') || !unlinkable.has(error.facts['code'])
          if (canLink) throw error
          return
        }
      }
      counts.hardLinks++
    })
    return canLink
  }

  #makeOther(entry: WalkedEntry): void {
    const { counts, dryRun, overwrite } = this.#options
    const { node } = entry
    const present = this.#stat(entry)
    if (!dryRun && !(present !== undefined && isLeftAlone(overwrite, mtimeOf(present), node.mtime))) {
      const directory = this.#directory(entry)
      if (node.type === 'symlink') {
        const isRight = present?.type === 'symlink' && directory.linkTarget(node.name) === node.linktarget
        if (!isRight) directory.symlink(node.name, node.linktarget ?? '')
      } else if (present?.type !== node.type || BigInt(present.device) !== BigInt(node.device ?? 0)) {
        directory.specialFile(node.name, node)
      }
      this.#metadata(entry, directory.applyMetadata(node.name, node))
    }
    counts.others++
  }

  /** What has the entry's name; undefined where nothing has, or can have. */
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
      const problem = { path: entry.path, code: 'target_failed', detail: `Cannot set its ${what}: ${detail}` } as const
      this.#options.counts.problem(problem)
    }
  }

  /** What hinders one entry is a problem of it. Answers whether all went well. Throws as troubleOf() does. */
  #attempt(entry: WalkedEntry, action: () => void): boolean {
    try {
      action()
      return true
    } catch (error) {
      this.#options.counts.problem({ path: entry.path, ...troubleOf(error) })
      return false
    }
  }
}

function cannotMake(entry: WalkedEntry): string {
  return `Cannot make directory "${printableName(pathBelow(entry))}" in the target`
}

function isSameFile(a: FileStat, b: FileStat | undefined): boolean {
  return a.inode === b?.inode && a.deviceId === b.deviceId
}

function mtimeOf(stat: FileStat): { seconds: number; nanoseconds: number } {
  return { seconds: stat.mtimeSeconds, nanoseconds: stat.mtimeNanoseconds }
}

function pathOf(names: readonly ByteName[]): ByteName {
  return names.join('/')
}

function pathBelow(entry: WalkedEntry): ByteName {
  return pathOf([...entry.directory, entry.node.name])
}

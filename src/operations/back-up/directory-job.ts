import { type ByteName, compareNames } from '../../base/byte-name.ts'
import { compareMoments, parseGoTime } from '../../model/go-time.ts'
import type { Id } from '../../model/id.ts'
import { cString } from '../../posix/c-string.ts'
import { close } from '../../posix/open.ts'
import { type FileStat, statAt, statOpen } from '../../posix/stat.ts'
import { isSystemError } from '../../posix/system-error.ts'
import { encodeNode } from '../../repository/node-json.ts'
import { nodeFromStat, readDetails } from '../../sources/files/file-node.ts'
import { type Gap, gapOfError } from '../../sources/files/gap.ts'
import {
  gapOfType,
  joinPath,
  openDirectory,
  type ScannedDirectory,
  type ScannedEntry,
  scanDirectory,
} from '../../sources/files/scan-directory.ts'
import type { BackupJob, DirectoryAnswer, PendingDirectory, PendingFile } from './backup-job.ts'
import { nothingCounted } from './count-file.ts'
import { storeFile } from './file-jobs.ts'
import { openTree } from './open-tree.ts'
import { contentIds, ParentTree, subtreeId } from './parent-tree.ts'
import { encodeNodes } from './source-tree.ts'
import type { MatchedDirectory } from './tree-matcher.ts'
import type { WorkerContext } from './worker-context.ts'

type DirectoryJob = Extract<BackupJob, { kind: 'directory' }>

/** What is read at once with the directory itself; the rest goes back, to be shared among the workers. */
const inlineBytesMax = 4 * 1024 * 1024
const inlineFilesMax = 256

/**
 * Lists a directory, compares it with the parent snapshot, takes over what is unchanged and stores the first of
 * what is not. Where nothing is left to do then, it stores the directory's tree as well.
 */
export function directoryJob(job: DirectoryJob, context: WorkerContext): DirectoryAnswer {
  let fd: number | undefined
  try {
    fd = openDirectory(job.path, { symlink: job.symlink, purpose: job.isWhole ? 'list' : 'search' })
    const device = statOpen(fd).deviceId
    const parent = job.parent && openTree(job.parent, context)
    const matched = matchWhole(fd, job, parent, context)
    if (matched !== undefined) return matchedAnswer(matched, job, device, context)
    return new DirectoryWork(fd, job, context, device, parent).answer(scan(fd, job, context))
  } catch (error) {
    if (!isSystemError(error)) throw error
    const gaps = [gapOfError(job.path, error)]
    const nothing = { tree: undefined, device: 0, nodes: [], directories: [], files: [], count: nothingCounted() }
    return { kind: 'directory', isAbsent: true, ...nothing, gaps, stored: context.store.takeStored() }
  } finally {
    if (fd !== undefined) close(fd)
  }
}

/** Compares it at once, where it was backed up and is backed up as a whole. */
function matchWhole(
  fd: number,
  { isWhole, named, device, parentTree }: DirectoryJob,
  parent: Buffer | undefined,
  { matcher }: WorkerContext,
): MatchedDirectory | undefined {
  if (parent === undefined || parentTree === undefined || !isWhole || named.length > 0 || device !== undefined)
    return undefined
  return matcher?.match(fd, parent)
}

function matchedAnswer(
  { files, bytes, nodes, directories }: MatchedDirectory,
  { parentTree }: DirectoryJob,
  device: number,
  context: WorkerContext,
): DirectoryAnswer {
  return {
    kind: 'directory',
    isAbsent: false,
    tree: directories.length === 0 ? parentTree : undefined,
    device,
    nodes,
    directories,
    files: [],
    count: { ...nothingCounted(), filesUnmodified: files, bytes },
    gaps: [],
    stored: context.store.takeStored(),
  }
}

class DirectoryWork {
  readonly #fd: number
  readonly #job: DirectoryJob
  readonly #context: WorkerContext
  readonly #device: number
  readonly #parent: ParentTree | undefined
  readonly #nodes: (string | undefined)[] = []
  readonly #directories: PendingDirectory[] = []
  readonly #files: PendingFile[] = []
  readonly #gaps: Gap[] = []
  readonly #count = nothingCounted()
  #inlineBytes = 0
  #inlineFiles = 0
  /** No file was found to be another although its metadata are the same. */
  #isAsBefore = true

  constructor(fd: number, job: DirectoryJob, context: WorkerContext, device: number, parent: Buffer | undefined) {
    this.#fd = fd
    this.#job = job
    this.#context = context
    this.#device = device
    this.#parent = parent && new ParentTree(parent)
  }

  answer(scanned: Scan): DirectoryAnswer {
    for (const gap of scanned.gaps) this.#gaps.push(gap)
    for (const entry of scanned.entries) {
      if (entry.stat.type === 'dir') this.#directory(entry, scanned.excludedNames?.has(entry.name) ?? false)
      else if (entry.stat.type === 'file') this.#file(entry)
      else this.#nodes.push(this.#otherNode(entry))
    }
    const isComplete = this.#directories.length === 0 && this.#files.length === 0 && this.#job.answer === 'tree'
    return {
      kind: 'directory',
      isAbsent: false,
      tree: isComplete ? this.#tree() : undefined,
      device: this.#device,
      nodes: isComplete && this.#job.named.length === 0 ? [] : this.#nodes,
      directories: this.#directories,
      files: this.#files,
      count: this.#count,
      gaps: this.#gaps,
      stored: this.#context.store.takeStored(),
    }
  }

  #tree(): Id {
    const { parentTree } = this.#job
    if (this.#isAsBefore && this.#parent?.isWholeTaken === true && parentTree !== undefined) return parentTree
    return storeTree(this.#nodes.filter((node) => node !== undefined && node !== '') as string[], this.#context)
  }

  #directory(entry: ScannedEntry, isExcluded: boolean): void {
    const beginning = this.#beginning(entry)
    const same = this.#parent?.next(entry.name, beginning)
    const node = same ?? this.#freshNode(entry)
    if (node === undefined) return
    this.#directories.push({
      at: this.#nodes.push(undefined) - 1,
      name: entry.name,
      nodeBeginning: node.slice(0, node.lastIndexOf('"content":')),
      parentSubtree: same === undefined ? this.#parent?.find(entry.name)?.subtree : subtreeId(same),
      isUnchanged: same !== undefined,
      isExcluded,
    })
  }

  #file(entry: ScannedEntry): void {
    const { name, stat } = entry
    const same = this.#parent?.next(name, this.#beginning(entry))
    if (same !== undefined && !this.#context.readAll && this.#hasAll(contentIds(same))) {
      this.#takeOver(stat)
      this.#nodes.push(same)
      return
    }
    const previous = same === undefined ? this.#parent?.find(name) : undefined
    const isKnown = same !== undefined || previous !== undefined
    if (previous?.type === 'file' && !this.#context.readAll && this.#isSameFile(previous, stat)) {
      // The content is the same, but something else of the node is not, such as the owner's name.
      this.#takeOver(stat)
      this.#nodes.push(this.#freshNode(entry, previous.content ?? []) ?? '')
      return
    }
    if (this.#inlineFiles >= inlineFilesMax || this.#inlineBytes + stat.size > inlineBytesMax) {
      this.#files.push({ at: this.#nodes.push(undefined) - 1, name, size: stat.size, isKnown, same })
      return
    }
    this.#inlineFiles++
    this.#inlineBytes += stat.size
    const path = joinPath(this.#job.path, name)
    const node = storeFile(
      this.#fd,
      path,
      { name, isKnown, same, listed: stat },
      this.#context,
      this.#count,
      this.#gaps,
    )
    if (node !== same) this.#isAsBefore = false
    this.#nodes.push(node ?? '')
  }

  /** restic's rule for a file that need not be read: size, mtime, ctime and inode, and all its blobs are at hand. */
  #isSameFile(previous: NonNullable<ReturnType<ParentTree['find']>>, stat: FileStat): boolean {
    const now = nodeFromStat(previous.name, stat, {}, this.#context.nodeOptions)
    return (
      (previous.size ?? 0) === stat.size &&
      isSameMoment(previous.mtime, now.mtime) &&
      isSameMoment(previous.ctime, now.ctime) &&
      previous.inode === now.inode &&
      this.#hasAll(previous.content ?? [])
    )
  }

  #hasAll(ids: readonly Id[]): boolean {
    return ids.every((id) => this.#context.index.find(id, 'data') >= 0)
  }

  #takeOver(stat: FileStat): void {
    this.#count.filesUnmodified++
    this.#count.bytes += stat.size
  }

  /** Symlinks, fifos and devices. */
  #otherNode(entry: ScannedEntry): string {
    return this.#parent?.next(entry.name, this.#beginning(entry)) ?? this.#freshNode(entry) ?? ''
  }

  /** What stat(2) knows of the entry, as its node begins. */
  #beginning(entry: ScannedEntry): string {
    const node = encodeNode(nodeFromStat(entry.name, entry.stat, {}, this.#context.nodeOptions))
    return node.slice(0, node.lastIndexOf('"content":'))
  }

  /** The whole node, read anew; undefined where the entry vanished, and a gap says so. */
  #freshNode(entry: ScannedEntry, content: readonly Id[] = []): string | undefined {
    const { name, stat } = entry
    const path = joinPath(this.#job.path, name)
    try {
      const { details, gaps } = readDetails({ directoryFd: this.#fd, name, type: stat.type }, path)
      this.#gaps.push(...gaps)
      return encodeNode(nodeFromStat(name, stat, { ...details, content }, this.#context.nodeOptions))
    } catch (error) {
      if (!isSystemError(error)) throw error
      this.#gaps.push(gapOfError(path, error))
      return undefined
    }
  }
}

/** Stores the tree of these nodes; answers its id. */
export function storeTree(nodes: readonly string[], context: WorkerContext): Id {
  return context.store.store('tree', encodeNodes(nodes))
}

interface Scan extends Pick<ScannedDirectory, 'entries' | 'gaps'> {
  /** Entries that are there only because they were named. */
  readonly excludedNames?: ReadonlySet<ByteName>
}

function scan(fd: number, job: DirectoryJob, context: WorkerContext): Scan {
  if (!job.isWhole) return scanNamed(fd, job)
  const { rules } = context
  const { device, path } = job
  const all = scanDirectory(fd, path, device === undefined ? { rules } : { rules, device })
  return job.named.length === 0 ? all : withNamed(all, scanNamed(fd, job), job)
}

/** Looks at the named entries only. Rules of exclusion do not hold for what a user names. */
function scanNamed(fd: number, { named, path }: DirectoryJob): Scan {
  const entries: ScannedEntry[] = []
  const gaps: Gap[] = []
  for (const { name, isOnTheWay } of named) {
    const entryPath = joinPath(path, name)
    try {
      const stat = isOnTheWay ? statDirectory(fd, name) : statAt(fd, cString(name))
      const gap = gapOfType(entryPath, stat)
      if (gap === undefined) entries.push({ name, stat })
      else gaps.push(gap)
    } catch (error) {
      if (!isSystemError(error)) throw error
      gaps.push(gapOfError(entryPath, error))
    }
  }
  return { entries, gaps }
}

/** The whole directory, but of what was named, that which was found by the name. */
function withNamed(all: ScannedDirectory, byName: Scan, { named, path }: DirectoryJob): Scan {
  const names = new Set(named.map(({ name }) => name))
  const paths = new Set(named.map(({ name }) => joinPath(path, name)))
  const others = all.entries.filter(({ name }) => !names.has(name))
  const includedNames = new Set(all.entries.map(({ name }) => name))
  return {
    entries: [...others, ...byName.entries].sort((a, b) => compareNames(a.name, b.name)),
    gaps: [...all.gaps.filter((gap) => !paths.has(gap.path)), ...byName.gaps],
    excludedNames: names.difference(includedNames),
  }
}

function statDirectory(parentFd: number, name: ByteName): FileStat {
  const fd = openDirectory(cString(name), { parentFd, symlink: 'follow', purpose: 'search' })
  try {
    return statOpen(fd)
  } finally {
    close(fd)
  }
}

/** Compares times that may be told in different time zones. */
function isSameMoment(a: string | undefined, b: string | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined) return false
  return compareMoments(parseGoTime(a), parseGoTime(b)) === 0
}

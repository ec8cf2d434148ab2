import type { ByteName } from '../../base/byte-name.ts'
import { compareNames, printableName } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import type { WorkerPool } from '../../kernels/worker-pool.ts'
import type { Gap } from '../../sources/files/gap.ts'
import type { ProgressSink } from '../progress.ts'
import type {
  BackupAnswer,
  BackupJob,
  DirectoryAnswer,
  FilesCount,
  PendingDirectory,
  PendingFile,
  Stored,
} from './backup-job.ts'
import { directoryNode, directoryState, type DirectoryState, joinPath } from './directory-state.ts'
import { JobQueue } from '../job-queue.ts'
import type { TreeReader } from '../tree-reader.ts'
import { type BackupRoot, type Selection, selectedNames } from './targets.ts'

/** A file of this size or more is read by all workers together. */
const sharedFileBytesMin = 32 * 1024 * 1024
/** Files are handed out in lots of at most so many bytes and files, so that workers end together. */
const lotBytesMax = 16 * 1024 * 1024
const lotFilesMax = 256
/** How much of a large file is cut into chunks ahead of those that store them, and how much one job stores. */
const scanBytes = 64 * 1024 * 1024
const storeBytes = 8 * 1024 * 1024

export interface BackupRunOptions {
  readonly pool: WorkerPool<BackupJob, BackupAnswer>
  readonly trees: TreeReader
  readonly oneFileSystem: boolean
  readonly progress: ProgressSink
  readonly totals: { readonly files?: number; readonly bytes?: number }
}

/** What a run has counted so far. */
export interface BackupCounts extends FilesCount, Stored {
  dirsNew: number
  dirsChanged: number
  dirsUnmodified: number
}

/**
 * One walk through everything that is backed up. Workers do all the reading; here is decided only who does what
 * next, and directories wait here for their children.
 */
export class BackupRun {
  readonly counts: BackupCounts = {
    ...{ filesNew: 0, filesChanged: 0, filesUnmodified: 0, bytes: 0 },
    ...{ dirsNew: 0, dirsChanged: 0, dirsUnmodified: 0 },
    ...{ dataBlobs: 0, treeBlobs: 0, dataAdded: 0, treesAdded: 0, dataAddedPacked: 0 },
  }
  readonly gaps: Gap[] = []
  readonly #options: BackupRunOptions
  readonly #queue: JobQueue
  readonly #signal: AbortSignal

  constructor(options: BackupRunOptions, signal: AbortSignal) {
    this.#options = options
    this.#queue = new JobQueue(2 * options.pool.workersMax + 1)
    this.#signal = signal
  }

  /** Backs up the roots; answers the id of the snapshot's tree. Everything is with the pack receiver then, or in packs that are not full. */
  async tree(roots: readonly BackupRoot[], parentTree: Id | undefined): Promise<Id> {
    const states = roots.map((root) => directoryState(root.path, { parent: undefined, parentTree, isUnchanged: false }))
    const trees = new Map<DirectoryState, Id>()
    for (const [at, root] of roots.entries()) {
      this.#queue.add(() =>
        this.#directory(states[at]!, root.selection, undefined, (tree) => trees.set(states[at]!, tree)),
      )
    }
    await this.#queue.finished()
    const [first, ...others] = states
    if (others.length === 0) return trees.get(first!)!
    return this.#joined(states)
  }

  /** The tree that holds the nodes of several roots. Their own trees are not referred to; the next prune removes them. */
  async #joined(states: readonly DirectoryState[]): Promise<Id> {
    const nodes = states
      .flatMap((state) => state.nodes.filter((node) => node !== undefined && node !== ''))
      .map((node) => ({ name: (JSON.parse(node!) as { name: ByteName }).name, node: node! }))
      .sort((a, b) => compareNames(a.name, b.name))
    const answer = await this.#run({ kind: 'tree', nodes: nodes.map(({ node }) => node) }, 'tree')
    this.#addStored(answer.stored)
    return answer.tree
  }

  async #directory(
    state: DirectoryState,
    selection: Selection,
    device: number | undefined,
    rootDone: (tree: Id) => void,
  ): Promise<void> {
    const parent =
      state.parentTree === undefined ? undefined : await this.#options.trees.sealed(state.parentTree, this.#signal)
    const answer = await this.#run(
      {
        kind: 'directory',
        path: state.path,
        only: selection === 'all' ? undefined : selectedNames(selection),
        parent,
        parentTree: parent && state.parentTree,
        device,
      },
      'directory',
    )
    this.#count(answer)
    if (answer.isAbsent) {
      if (state.parent === undefined) throw unreadableRoot(state.path, answer.gaps)
      this.#settle(state.parent.state, state.parent.at, '', rootDone)
      return
    }
    state.nodes = [...answer.nodes]
    if (answer.tree !== undefined) {
      this.#finish(state, answer.tree, rootDone)
      return
    }
    state.pending = answer.directories.length + answer.files.length
    const deviceBelow = this.#options.oneFileSystem
      ? (device ?? (selection === 'all' ? answer.device : undefined))
      : undefined
    for (const file of answer.files) {
      if (file.size >= sharedFileBytesMin) this.#queue.add(() => this.#sharedFile(state, file, rootDone))
    }
    for (const lot of lots(answer.files)) this.#queue.add(() => this.#files(state, lot, rootDone))
    // The newest is taken first, so the last one goes in first.
    for (const directory of answer.directories.toReversed()) {
      const below = selection === 'all' ? 'all' : (selection.get(directory.name) ?? 'all')
      this.#queue.add(() => this.#directory(this.#child(state, directory), below, deviceBelow, rootDone))
    }
    if (state.pending === 0) await this.#tree(state, rootDone)
  }

  #child(state: DirectoryState, directory: PendingDirectory): DirectoryState {
    return directoryState(joinPath(state.path, directory.name), {
      parent: { state, at: directory.at, nodeBeginning: directory.nodeBeginning },
      parentTree: directory.parentSubtree,
      isUnchanged: directory.isUnchanged,
    })
  }

  async #files(state: DirectoryState, files: readonly PendingFile[], rootDone: (tree: Id) => void): Promise<void> {
    this.#report(joinPath(state.path, files[0]!.name))
    const answer = await this.#run({ kind: 'files', directory: state.path, files }, 'files')
    this.#count(answer)
    for (const file of answer.files) this.#settle(state, file.at, file.node ?? '', rootDone)
  }

  /** A large file: one job cuts ahead, the others store what was cut, on whichever worker has time. */
  async #sharedFile(state: DirectoryState, file: PendingFile, rootDone: (tree: Id) => void): Promise<void> {
    const path = joinPath(state.path, file.name)
    const portions: Promise<ChunksAnswer>[] = []
    let first: string | undefined
    for (let from = 0, isAtEnd = false; !isAtEnd; ) {
      const scan = await this.#run({ kind: 'scan', path, from }, 'scan')
      if (scan.gap !== undefined) this.gaps.push(scan.gap)
      first ??= scan.fingerprint
      isAtEnd = scan.isAtEnd
      for (const lengths of inPortions(scan.lengths)) {
        const portion = this.#chunks(path, from, lengths)
        portion.catch(() => {}) // Its turn comes below; until then Node must not call it unhandled.
        portions.push(portion)
        from += lengths.reduce((sum, length) => sum + length, 0)
      }
      // Not further ahead than one scan: what waits to be stored stays bounded.
      await portions.at(-1 - Math.ceil(scanBytes / storeBytes))
    }
    const stored = await Promise.all(portions)
    const ids = stored.flatMap((portion) => portion.ids)
    const bytes = stored.reduce((sum, portion) => sum + portion.bytes, 0)
    const answer = await this.#run({ kind: 'node', path, ids, bytes, fingerprint: first }, 'node')
    if (answer.gap !== undefined) this.gaps.push(answer.gap)
    if (answer.node !== undefined && file.isKnown) this.counts.filesChanged++
    else if (answer.node !== undefined) this.counts.filesNew++
    this.#settle(state, file.at, answer.node ?? '', rootDone)
  }

  async #chunks(path: ByteName, from: number, lengths: readonly number[]): Promise<ChunksAnswer> {
    const answer = await this.#run({ kind: 'chunks', path, from, lengths }, 'chunks')
    this.#addStored(answer.stored)
    if (answer.gap !== undefined) this.gaps.push(answer.gap)
    this.counts.bytes += answer.bytes
    this.#report(path)
    return answer
  }

  #settle(state: DirectoryState, at: number, node: string, rootDone: (tree: Id) => void): void {
    state.nodes[at] = node
    if (--state.pending === 0) this.#queue.add(() => this.#tree(state, rootDone))
  }

  async #tree(state: DirectoryState, rootDone: (tree: Id) => void): Promise<void> {
    const nodes = state.nodes.filter((node) => node !== undefined && node !== '') as string[]
    const answer = await this.#run({ kind: 'tree', nodes }, 'tree')
    this.#addStored(answer.stored)
    this.#finish(state, answer.tree, rootDone)
  }

  #finish(state: DirectoryState, tree: Id, rootDone: (tree: Id) => void): void {
    if (state.parent === undefined) {
      rootDone(tree)
      return
    }
    state.nodes = state.nodes.length === 0 ? state.nodes : [] // Not needed any more; parents may wait for long.
    if (state.parentTree === undefined) this.counts.dirsNew++
    else if (state.parentTree === tree && state.isUnchanged) this.counts.dirsUnmodified++
    else this.counts.dirsChanged++
    this.#settle(state.parent.state, state.parent.at, directoryNode(state.parent.nodeBeginning, tree), rootDone)
  }

  async #run<Kind extends BackupJob['kind']>(
    job: BackupJob,
    kind: Kind,
  ): Promise<Extract<BackupAnswer, { kind: Kind }>> {
    if (this.#signal.aborted) throw new Failure('stopped', 'The backup was stopped', { cause: this.#signal.reason })
    const answer = await this.#options.pool.run(job)
    if (answer.kind !== kind) throw new Failure('defect', `A worker answered "${answer.kind}" to "${kind}"`)
    return answer as Extract<BackupAnswer, { kind: Kind }>
  }

  #count(answer: Extract<BackupAnswer, { count: FilesCount }> | DirectoryAnswer): void {
    const { counts } = this
    counts.filesNew += answer.count.filesNew
    counts.filesChanged += answer.count.filesChanged
    counts.filesUnmodified += answer.count.filesUnmodified
    counts.bytes += answer.count.bytes
    for (const gap of answer.gaps) this.gaps.push(gap)
    this.#addStored(answer.stored)
    this.#report(undefined)
  }

  #addStored(stored: Stored): void {
    const { counts } = this
    counts.dataBlobs += stored.dataBlobs
    counts.treeBlobs += stored.treeBlobs
    counts.dataAdded += stored.dataAdded
    counts.treesAdded += stored.treesAdded
    counts.dataAddedPacked += stored.dataAddedPacked
  }

  #report(path: ByteName | undefined): void {
    const { counts } = this
    const { totals, progress } = this.#options
    const filesDone = counts.filesNew + counts.filesChanged + counts.filesUnmodified
    progress({
      phase: 'back up',
      filesDone,
      bytesDone: counts.bytes,
      gaps: this.gaps.length,
      ...(totals.files !== undefined && { filesTotal: Math.max(totals.files, filesDone) }),
      ...(totals.bytes !== undefined && { bytesTotal: Math.max(totals.bytes, counts.bytes) }),
      ...(path !== undefined && { current: [printableName(path)] }),
    })
  }
}

/** Files that one worker reads each, in lots that are alike in effort. */
function* lots(files: readonly PendingFile[]): Generator<PendingFile[]> {
  let lot: PendingFile[] = []
  let bytes = 0
  for (const file of files) {
    if (file.size >= sharedFileBytesMin) continue
    lot.push(file)
    bytes += file.size
    if (bytes < lotBytesMax && lot.length < lotFilesMax) continue
    yield lot
    lot = []
    bytes = 0
  }
  if (lot.length > 0) yield lot
}

/** Chunks of a large file that one job stores. */
function* inPortions(lengths: readonly number[]): Generator<number[]> {
  let portion: number[] = []
  let bytes = 0
  for (const length of lengths) {
    portion.push(length)
    bytes += length
    if (bytes < storeBytes) continue
    yield portion
    portion = []
    bytes = 0
  }
  if (portion.length > 0) yield portion
}

type ChunksAnswer = Extract<BackupAnswer, { kind: 'chunks' }>

function unreadableRoot(path: ByteName, gaps: readonly Gap[]): Failure {
  return new Failure(
    'source_unreadable',
    `Cannot read "${printableName(path)}": ${gaps[0]?.detail ?? 'it is not there'}`,
  )
}

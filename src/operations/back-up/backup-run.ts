import type { ByteName } from '../../base/byte-name.ts'
import { compareNames, printableName } from '../../base/byte-name.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import type { WorkerPool } from '../../kernels/worker-pool.ts'
import { joinPath } from '../../sources/files/scan-directory.ts'
import type { ProgressSink } from '../progress.ts'
import {
  type BackupAnswer,
  type BackupJob,
  type DirectoryAnswer,
  type FilesCount,
  jobsPerWorkerMax,
  type PendingDirectory,
  type PendingFile,
  type Stored,
} from './backup-job.ts'
import { nameOf } from './source-tree.ts'
import { directoryNode, directoryState, type DirectoryState } from './directory-state.ts'
import { nothingBackedUp } from './backup-counts.ts'
import { countFile } from './count-file.ts'
import { GapList } from './gap-list.ts'
import type { Attachment } from '../attachments.ts'
import { JobQueue } from '../job-queue.ts'
import { type RunJob, sharedFileBytesMin, storeSharedFile } from './shared-file.ts'
import type { TreeReader } from '../tree-reader.ts'
import { type BackupRoot, selectedNames, wholeSelection } from './targets.ts'

/** Files are handed out in lots of at most so many bytes and files, so that workers end together. */
const lotBytesMax = 4 * 1024 * 1024
const lotFilesMax = 256

export interface BackupRunOptions {
  readonly pool: WorkerPool<BackupJob, BackupAnswer>
  readonly trees: TreeReader
  /** Forgets what a pack holds because it is damaged or gone, so that it is stored again. */
  readonly withdrawPack: (pack: Id) => void
  readonly oneFileSystem: boolean
  readonly progress: ProgressSink
  readonly totals: { readonly files?: number; readonly bytes?: number }
}

/** Told when a root is done: its tree, where it was to be stored. */
type RootDone = (tree: Id | undefined) => void

/**
 * One walk through everything that is backed up. Workers do all the reading; here is decided only who does what
 * next, and directories wait here for their children.
 */
export class BackupRun {
  readonly counts = nothingBackedUp()
  readonly gaps = new GapList()
  readonly #options: BackupRunOptions
  readonly #queue: JobQueue
  readonly #signal: AbortSignal
  /** Whether the trees of the roots are stored, or their nodes kept. */
  #rootAnswer: 'tree' | 'nodes' = 'tree'
  /** Bytes of large files that are read, but not counted yet. */
  #bytesUnderWay = 0

  constructor(options: BackupRunOptions, signal: AbortSignal) {
    this.#options = options
    this.#queue = new JobQueue(jobsPerWorkerMax * options.pool.workersMax + 1)
    this.#signal = signal
  }

  /**
   * Backs up the roots; answers the id of the snapshot's tree. Everything is with the pack receiver then, or in packs
   * that are not full. Failure `source_unreadable` where none of the roots can be read.
   */
  async tree(roots: readonly BackupRoot[], parentTree: Id | undefined): Promise<Id> {
    if (roots.length === 1) {
      const [root] = await this.#walk(roots, parentTree, 'tree')
      return root!.tree!
    }
    const nodes = await this.nodes(roots, parentTree)
    const answer = await this.#run({ kind: 'tree', nodes }, 'tree')
    this.#addStored(answer.stored)
    return answer.tree
  }

  /** Like tree(), but answers the nodes of the snapshot's root in their order, and stores no tree of them. */
  async nodes(roots: readonly BackupRoot[], parentTree: Id | undefined): Promise<readonly string[]> {
    const found = await this.#walk(roots, parentTree, 'nodes')
    const nodes = found.flatMap(({ state }) => state.nodes.filter(isNode))
    if (found.length === 1) return nodes
    return nodes
      .map((node) => ({ name: nameOf(node), node }))
      .sort((a, b) => compareNames(a.name, b.name))
      .map(({ node }) => node)
  }

  /** Stores these files in a directory of their own; answers the id of the tree that holds it and these nodes. */
  async attach(nodes: readonly string[], files: readonly Attachment[]): Promise<Id> {
    const answer = await this.#run({ kind: 'attach', nodes, files }, 'attach')
    this.#addStored(answer.stored)
    return answer.tree
  }

  async #walk(
    roots: readonly BackupRoot[],
    parentTree: Id | undefined,
    answer: 'tree' | 'nodes',
  ): Promise<{ readonly state: DirectoryState; readonly tree: Id | undefined }[]> {
    this.#rootAnswer = answer
    const trees = new Map<DirectoryState, Id | undefined>()
    const states = roots.map(({ path, selection }) =>
      directoryState({ path, selection, parent: undefined, parentTree, device: undefined, isUnchanged: false }),
    )
    for (const state of states) this.#queue.add(() => this.#directory(state, (tree) => trees.set(state, tree)))
    await this.#queue.finished()
    if (trees.size === 0) throw unreadableRoot(roots[0]!.path, this.gaps)
    return states.filter((state) => trees.has(state)).map((state) => ({ state, tree: trees.get(state) }))
  }

  async #directory(state: DirectoryState, rootDone: RootDone): Promise<void> {
    const answer = await this.#compared(state)
    this.#count(answer)
    if (answer.isAbsent) {
      const { parent } = state
      if (parent !== undefined) this.#settle(parent.state, parent.at, '', rootDone)
      return
    }
    state.nodes = [...answer.nodes]
    if (answer.tree !== undefined) {
      this.#finish(state, answer.tree, rootDone)
      return
    }
    state.pending = answer.directories.length + answer.files.length
    if (state.pending === 0) {
      rootDone(undefined)
      return
    }
    for (const file of answer.files) {
      if (file.size >= sharedFileBytesMin) this.#queue.add(() => this.#sharedFile(state, file, rootDone))
    }
    for (const lot of lots(answer.files)) this.#queue.add(() => this.#files(state, lot, rootDone))
    const isOneDevice = this.#options.oneFileSystem && state.selection.isWhole
    const deviceBelow = isOneDevice ? (state.device ?? answer.device) : undefined
    // The newest is taken first, so the last one goes in first.
    for (const directory of answer.directories.toReversed()) {
      this.#queue.add(() => this.#directory(childState(state, directory, deviceBelow), rootDone))
    }
  }

  /** Has a directory compared with its tree in the parent snapshot. A tree that can not be read is as if there were none. */
  async #compared(state: DirectoryState): Promise<DirectoryAnswer> {
    const { path, selection, device, parentTree } = state
    const named = selectedNames(selection)
    const symlink = symlinkRule(state)
    const answer = state.parent === undefined ? this.#rootAnswer : 'tree'
    const job = { kind: 'directory', path, named, isWhole: selection.isWhole, symlink, device, answer } as const
    for (;;) {
      // Which pack it is must be known before: others may withdraw the same pack meanwhile, and then the tree lies elsewhere.
      const packId = parentTree === undefined ? undefined : this.#options.trees.packOf(parentTree)
      if (parentTree === undefined || packId === undefined) break
      try {
        const parent = await this.#options.trees.sealed(parentTree, this.#signal)
        if (parent === undefined) break
        return await this.#run({ ...job, parent, parentTree }, 'directory')
      } catch (error) {
        if (!isFailure(error, 'repository_damaged') && !isFailure(error, 'object_missing')) throw error
        // Not lost: the report names the pack, and what it held is stored again as far as the source still has it.
        // Each pack is withdrawn once, so this ends; another copy of the tree may lie in the next one.
        this.#options.withdrawPack(packId)
      }
    }
    return await this.#run({ ...job, parent: undefined, parentTree: undefined }, 'directory')
  }

  async #files(state: DirectoryState, files: readonly PendingFile[], rootDone: RootDone): Promise<void> {
    this.#report(joinPath(state.path, files[0]!.name))
    const answer = await this.#run(
      { kind: 'files', directory: state.path, symlink: symlinkRule(state), files },
      'files',
    )
    this.#count(answer)
    for (const file of answer.files) this.#settle(state, file.at, file.node ?? '', rootDone)
  }

  async #sharedFile(state: DirectoryState, file: PendingFile, rootDone: RootDone): Promise<void> {
    const path = joinPath(state.path, file.name)
    const run: RunJob = (job, kind) => this.#run(job, kind)
    let bytesRead = 0
    const { node, bytes, gaps } = await storeSharedFile(path, run, (answer) => {
      bytesRead += answer.bytes
      this.#bytesUnderWay += answer.bytes
      this.#addStored(answer.stored)
      this.#report(path)
    })
    for (const gap of gaps) this.gaps.add(gap)
    if (node !== undefined) {
      this.#bytesUnderWay -= bytesRead
      this.counts.bytes += bytes
      countFile(this.counts, file, node)
    }
    this.#settle(state, file.at, node ?? '', rootDone)
  }

  #settle(state: DirectoryState, at: number, node: string, rootDone: RootDone): void {
    state.nodes[at] = node
    if (--state.pending === 0) this.#queue.add(() => this.#tree(state, rootDone))
  }

  async #tree(state: DirectoryState, rootDone: RootDone): Promise<void> {
    if (state.parent === undefined && this.#rootAnswer === 'nodes') {
      rootDone(undefined)
      return
    }
    const nodes = state.nodes.filter(isNode)
    const answer = await this.#run({ kind: 'tree', nodes }, 'tree')
    this.#addStored(answer.stored)
    this.#finish(state, answer.tree, rootDone)
  }

  #finish(state: DirectoryState, tree: Id, rootDone: RootDone): void {
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
    job: Extract<BackupJob, { kind: Kind }>,
    kind: Kind,
  ): Promise<Extract<BackupAnswer, { kind: Kind }>> {
    const answer = await this.#options.pool.run(job, [], { signal: this.#signal })
    if (answer.kind !== kind) throw new Failure('defect', `A worker answered "${answer.kind}" to "${kind}"`)
    return answer as Extract<BackupAnswer, { kind: Kind }>
  }

  #count(answer: Extract<BackupAnswer, { count: FilesCount }> | DirectoryAnswer): void {
    const { counts } = this
    counts.filesNew += answer.count.filesNew
    counts.filesChanged += answer.count.filesChanged
    counts.filesUnmodified += answer.count.filesUnmodified
    counts.bytes += answer.count.bytes
    for (const gap of answer.gaps) this.gaps.add(gap)
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
    const bytesDone = counts.bytes + this.#bytesUnderWay
    progress({
      phase: 'back up',
      filesDone,
      bytesDone,
      gaps: this.gaps.holes,
      ...(totals.files !== undefined && { filesTotal: Math.max(totals.files, filesDone) }),
      ...(totals.bytes !== undefined && { bytesTotal: Math.max(totals.bytes, bytesDone) }),
      ...(path !== undefined && { current: [printableName(path)] }),
    })
  }
}

/** Pending nodes are undefined, and those that came to nothing are empty. */
function isNode(node: string | undefined): node is string {
  return node !== undefined && node !== ''
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

function childState(
  state: DirectoryState,
  { name, at, nodeBeginning, parentSubtree, isUnchanged, isExcluded }: PendingDirectory,
  deviceBelow: number | undefined,
): DirectoryState {
  const named = state.selection.names.get(name)
  const isNamed = named?.isWhole === true // It starts anew: its own device is the one to stay on.
  const isWhole = isNamed || (state.selection.isWhole && !isExcluded)
  return directoryState({
    path: joinPath(state.path, name),
    selection: named === undefined ? wholeSelection : { isWhole, names: named.names },
    device: isNamed ? undefined : deviceBelow,
    parent: { state, at, nodeBeginning },
    parentTree: parentSubtree,
    isUnchanged,
  })
}

/** Directories on the way to what was named may be symlinks; those that were only found are none. */
function symlinkRule({ parent, selection }: DirectoryState): 'follow' | 'refuse' {
  return parent === undefined || selection.names.size > 0 ? 'follow' : 'refuse'
}

function unreadableRoot(path: ByteName, gaps: GapList): Failure {
  const detail = gaps.kept[0]?.detail ?? 'it is not there'
  return new Failure('source_unreadable', `Cannot read "${printableName(path)}": ${detail}`)
}

import { type ByteName, printableName } from '../../base/byte-name.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import { chunkBytesMax } from '../../kernels/kernel-memory.ts'
import type { WorkerPool } from '../../kernels/worker-pool.ts'
import type { Id } from '../../model/id.ts'
import type { Node } from '../../model/node.ts'
import type { Chunking, EntryMetadata, EntrySink, FileSink } from '../../sources/entry-sink.ts'
import type { BackupAnswer, BackupJob, Stored } from '../back-up/backup-job.ts'
import type { BackupCounts } from '../back-up/backup-counts.ts'
import { nothingCounted } from '../back-up/count-file.ts'
import type { ProgressSink } from '../progress.ts'
import type { TreeReader } from '../tree-reader.ts'
import { type FiledPiece, LotFiller } from './lot-filler.ts'
import { LotPool } from './lot-pool.ts'
import { StreamFile } from './stream-file.ts'
import { directoryNodes, type StreamDirectory, StreamTree } from './stream-tree.ts'

export interface StreamRunOptions {
  readonly pool: WorkerPool<BackupJob, BackupAnswer>
  readonly gearKey: Uint8Array
  readonly trees: TreeReader
  readonly progress: ProgressSink
  /** Of directories that the source does not tell of. */
  readonly fallback: EntryMetadata
}

/** Each worker fills its head while its next lot waits; one more is being filled. */
const lotsPerWorker = 2

/** Stores the entries of a stream as they come; what is under way at a time is bounded by the lots. */
export class StreamRun implements EntrySink {
  readonly counts: BackupCounts = {
    ...nothingCounted(),
    dirsNew: 0,
    dirsChanged: 0,
    dirsUnmodified: 0,
    dataBlobs: 0,
    treeBlobs: 0,
    dataAdded: 0,
    treesAdded: 0,
    dataAddedPacked: 0,
  }
  readonly #options: StreamRunOptions
  readonly #signal: AbortSignal
  readonly #tree = new StreamTree()
  readonly #lots: LotPool
  readonly #filler: LotFiller
  readonly #storing = new Set<Promise<void>>()
  #open: StreamFile | undefined
  #files = 0
  #bytesExpected = 0
  #failure: { readonly error: unknown } | undefined

  constructor(options: StreamRunOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
    this.#lots = new LotPool(lotsPerWorker * options.pool.workersMax + 2, options.gearKey)
    this.#filler = new LotFiller(this.#lots, (lot, pieces) => this.#send(lot, pieces))
  }

  /** Where the workers find what they are to store. */
  get memory(): SharedArrayBuffer {
    return this.#lots.memory.buffer
  }

  expect(bytes: number): void {
    this.#bytesExpected = bytes
  }

  directory(path: ByteName, metadata: EntryMetadata): void {
    this.#tree.directory(path, metadata)
  }

  symlink(path: ByteName, metadata: EntryMetadata, target: ByteName): void {
    this.#tree.symlink(path, metadata, target)
  }

  file(path: ByteName, metadata: EntryMetadata, chunking: Chunking): FileSink {
    if (this.#open !== undefined)
      throw new Failure('defect', `Cannot back up "${path}": "${this.#open.path}" was not ended`)
    if (chunking.kind !== 'content' && !(chunking.bytes > 0 && chunking.bytes <= chunkBytesMax))
      throw new Failure('defect', `Cannot cut chunks of ${chunking.bytes} bytes: expected at most ${chunkBytesMax}`)
    const file = new StreamFile({ path, metadata, chunking }, (done) => this.#tree.file(done))
    this.#open = file
    return {
      write: (bytes) => this.#write(file, bytes),
      keep: (chunks) => this.#keep(file, chunks),
      end: () => this.#end(file),
    }
  }

  /** Resolves with the id of the whole's tree when everything is with the pack receiver, or in packs that are not full. */
  async finish(parentTree: Id | undefined): Promise<Id> {
    this.#filler.flush()
    await Promise.all(this.#storing)
    if (this.#failure !== undefined) throw this.#failure.error
    return await this.#directory(this.#tree.root, parentTree, true)
  }

  #write(file: StreamFile, bytes: Uint8Array): Promise<void> | undefined {
    this.counts.bytes += bytes.length
    return this.#filler.write(file, bytes)
  }

  #keep(file: StreamFile, chunks: readonly { readonly id: Id; readonly bytes: number }[]): Promise<void> | undefined {
    const wait = this.#filler.endChunk(file)
    for (const { id, bytes } of chunks) {
      file.keep(id, bytes)
      this.counts.bytes += bytes
    }
    return wait
  }

  #end(file: StreamFile): Promise<void> | undefined {
    const wait = this.#filler.endChunk(file)
    file.end()
    this.#open = undefined
    this.#files++
    this.#report(file.path)
    return wait
  }

  #send(lot: number, pieces: readonly FiledPiece[]): void {
    const job = {
      kind: 'pieces',
      start: lot,
      lengths: pieces.map(({ length }) => length),
      pageBytes: pieces.map(({ file: { chunking } }) => (chunking.kind === 'pages' ? chunking.pageBytes : 0)),
    } as const
    const storing = this.#run(job, 'pieces')
      .then(({ ids, stored }) => {
        this.#addStored(stored)
        for (const [at, { file, place }] of pieces.entries()) file.settle(place, ids[at]!)
        this.#lots.release(lot)
      })
      .catch((error: unknown) => {
        this.#failure ??= { error } // The first one tells the cause; whoever gives the stream meets it at the next lot.
        this.#lots.fail(error)
      })
      .finally(() => this.#storing.delete(storing))
    this.#storing.add(storing)
  }

  async #directory(directory: StreamDirectory, parentTree: Id | undefined, isRoot = false): Promise<Id> {
    const before = await this.#parentNodes(parentTree)
    const subtrees = new Map<ByteName, Id>()
    for (const [name, child] of directory.directories) {
      subtrees.set(name, await this.#directory(child, before?.get(name)?.subtree))
    }
    const nodes = directoryNodes(directory, subtrees, this.#options.fallback)
    const { tree, stored } = await this.#run({ kind: 'tree', nodes }, 'tree')
    this.#addStored(stored)
    for (const [name, node] of directory.nodes) this.#countFile(node, before?.get(name))
    if (!isRoot) {
      if (before === undefined) this.counts.dirsNew++
      else if (tree === parentTree) this.counts.dirsUnmodified++
      else this.counts.dirsChanged++
    }
    return tree
  }

  #countFile(json: string, before: Node | undefined): void {
    const content = JSON.stringify(before?.content ?? null)
    if (before === undefined) this.counts.filesNew++
    else if (json.endsWith(`"content":${content}}`)) this.counts.filesUnmodified++
    else this.counts.filesChanged++
  }

  /** What the parent snapshot has here. It is for counting only, so one that can not be read is as if there were none. */
  async #parentNodes(tree: Id | undefined): Promise<Map<ByteName, Node> | undefined> {
    if (tree === undefined) return undefined
    try {
      const { nodes } = await this.#options.trees.tree(tree, this.#signal)
      return new Map(nodes.map((node) => [node.name, node]))
    } catch (error) {
      if (!isFailure(error, 'repository_damaged') && !isFailure(error, 'object_missing')) throw error
      return undefined
    }
  }

  async #run<Kind extends 'pieces' | 'tree'>(
    job: Extract<BackupJob, { kind: Kind }>,
    kind: Kind,
  ): Promise<Extract<BackupAnswer, { kind: Kind }>> {
    const answer = await this.#options.pool.run(job, [], { signal: this.#signal })
    if (answer.kind !== kind) throw new Failure('defect', `A worker answered "${answer.kind}" to "${kind}"`)
    return answer as Extract<BackupAnswer, { kind: Kind }>
  }

  #addStored(stored: Stored): void {
    const { counts } = this
    counts.dataBlobs += stored.dataBlobs
    counts.treeBlobs += stored.treeBlobs
    counts.dataAdded += stored.dataAdded
    counts.treesAdded += stored.treesAdded
    counts.dataAddedPacked += stored.dataAddedPacked
  }

  #report(path: ByteName): void {
    const bytesDone = this.counts.bytes
    this.#options.progress({
      phase: 'back up',
      filesDone: this.#files,
      bytesDone,
      ...(this.#bytesExpected > 0 && { bytesTotal: Math.max(this.#bytesExpected, bytesDone) }),
      gaps: 0,
      current: [printableName(path)],
    })
  }
}

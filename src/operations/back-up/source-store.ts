import { posix } from 'node:path'
import { type ByteName, printableName } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import type { Snapshot, SnapshotSummary } from '../../model/snapshot.ts'
import type { Gap } from '../../sources/files/gap.ts'
import type { Attachment } from '../attachments.ts'
import type { ProgressSink } from '../progress.ts'
import { TreeReader } from '../tree-reader.ts'
import type { BackupCounts } from './backup-counts.ts'
import type { BackupRequest } from './backup-request.ts'
import { BackupRun } from './backup-run.ts'
import type { BackupWorkers } from './backup-workers.ts'
import type { PackReceiver } from './pack-receiver.ts'
import { Reliance } from './reliance.ts'
import { sourceOf, type SourceTree, treeOfNodes, withoutOwnName } from './source-tree.ts'
import type { BackupRoot } from './targets.ts'

/** Each walk but the first stores what the one before it found lost; more are needed only where the disk loses what was just written. */
const walksMax = 5
/** Packs on their way to be hashed, each in 24 MiB. */
const rehashLanesMax = 16

export interface SourceStoreOptions {
  readonly request: BackupRequest
  /** In full. */
  readonly paths: readonly ByteName[]
  readonly roots: readonly BackupRoot[]
  readonly parent: Snapshot | undefined
  readonly workers: BackupWorkers
  readonly receiver: PackReceiver
  readonly progress: ProgressSink
  readonly summaryOf: (counts: BackupCounts) => SnapshotSummary
}

/** What is stored, but for the indexes and the snapshot. */
export interface StoredSource {
  readonly tree: Id
  readonly run: Pick<BackupRun, 'counts' | 'gaps'>
  readonly rehashed: { readonly packs: number; readonly bytes: number }
}

/** Stores the source and its attachments, and sees to it that what the snapshot relies on is there, where that is asked for. */
export class SourceStore {
  /** Packs that turned out to be damaged or gone. */
  readonly withdrawn = new Set<Id>()
  readonly #options: SourceStoreOptions
  readonly #signal: AbortSignal
  readonly #reliance: Reliance | undefined
  #attached: { readonly to: Id; readonly files: readonly Attachment[] } | undefined

  constructor(options: SourceStoreOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
    const { request } = options
    this.#reliance = request.rehash === 'relied' && request.dryRun !== true ? this.#newReliance() : undefined
  }

  /** Walks the source: once, or again where what the snapshot would have relied on turned out to be lost. */
  async store(): Promise<StoredSource> {
    let before: BackupCounts | undefined
    for (let walk = 1; walk <= walksMax; walk++) {
      const run = this.#newRun()
      const tree =
        this.#options.request.attach === undefined ? await this.#plain(run) : await this.#withAttachments(run)
      if (before !== undefined) addStored(run.counts, before)
      if (tree !== undefined) return { tree, run, rehashed: this.#reliance?.rehashed ?? { packs: 0, bytes: 0 } }
      before = run.counts
    }
    const hint = 'The storage loses what is written to it. Look for what is wrong with it before the next backup.'
    throw new Failure('repository_damaged', `Cannot back up: packs were found damaged ${walksMax} times in a row`, {
      facts: { hint },
    })
  }

  /** The snapshot's tree; undefined where something that it needs is lost. */
  async #plain(run: BackupRun): Promise<Id | undefined> {
    const { roots, parent } = this.#options
    const tree = await run.tree(roots, parent?.tree)
    await this.#settle(run)
    return (await this.#isSound([tree], [])) ? tree : undefined
  }

  async #withAttachments(run: BackupRun): Promise<Id | undefined> {
    const { roots, parent, request } = this.#options
    const nodes = withoutOwnName(await run.nodes(roots, parent?.tree), run.gaps)
    const source = treeOfNodes(nodes)
    await this.#settle(run)
    if (request.dryRun === true) return source.id
    const trees = source.nodes.flatMap(({ subtree }) => subtree ?? [])
    const blobs = source.nodes.flatMap(({ content }) => content ?? [])
    if (!(await this.#isSound(trees, blobs))) return undefined
    const tree = await run.attach(nodes, await this.#attachments(source, run))
    await this.#settle(run)
    return (await this.#isSound([tree], [])) ? tree : undefined
  }

  /** Asks for the attachments, once for each state of the source. */
  async #attachments({ id, nodes }: SourceTree, run: BackupRun): Promise<readonly Attachment[]> {
    const { parent, request, summaryOf } = this.#options
    if (this.#attached?.to === id) return this.#attached.files
    const parentSource = parent && (await sourceOf(request.repository, parent, this.#signal))
    const { kept: gaps, omitted: gapsOmitted } = run.gaps
    const summary = summaryOf(run.counts)
    const isUnchanged = parentSource?.id === id
    const files = await request.attach!({ tree: id, nodes, gaps, gapsOmitted, summary, parent, isUnchanged })
    this.#attached = { to: id, files }
    return files
  }

  /** Everything stored so far is in the storage and in the index in memory then. */
  async #settle(run: BackupRun): Promise<void> {
    const { workers, receiver, paths } = this.#options
    await workers.flush()
    await receiver.stored()
    requireAnyOf(paths, run.gaps.kept)
  }

  async #isSound(trees: readonly Id[], blobs: readonly Id[]): Promise<boolean> {
    return this.#reliance === undefined || (await this.#reliance.isSound({ trees, blobs }, this.#signal))
  }

  #newRun(): BackupRun {
    const { request, workers, progress, parent } = this.#options
    const summary = parent?.summary
    return new BackupRun(
      {
        pool: workers.pool,
        trees: new TreeReader(request.repository),
        withdrawPack: (packId) => {
          request.repository.index.withdrawPacks([packId])
          this.withdrawn.add(packId)
        },
        oneFileSystem: request.oneFileSystem ?? false,
        progress,
        totals:
          summary === undefined ? {} : { files: summary.total_files_processed, bytes: summary.total_bytes_processed },
      },
      this.#signal,
    )
  }

  #newReliance(): Reliance {
    const { request, receiver, workers, progress } = this.#options
    const lanes = Math.min(rehashLanesMax, workers.pool.workersMax + 2)
    return new Reliance({
      repository: request.repository,
      ownPacks: receiver.packIds,
      withdrawn: this.withdrawn,
      lanes,
      hash: (buffer, length) => workers.hash(buffer, length, this.#signal),
      progress: ({ packs, bytes }) => progress({ phase: 'rehash', filesDone: packs, bytesDone: bytes, gaps: 0 }),
    })
  }
}

/** What an earlier walk stored was stored by this backup too. */
function addStored(counts: BackupCounts, before: BackupCounts): void {
  counts.dataBlobs += before.dataBlobs
  counts.treeBlobs += before.treeBlobs
  counts.dataAdded += before.dataAdded
  counts.treesAdded += before.treesAdded
  counts.dataAddedPacked += before.dataAddedPacked
}

/** Failure `source_unreadable` where of none of the paths anything could be read. */
function requireAnyOf(paths: readonly ByteName[], gaps: readonly Gap[]): void {
  const missing = new Map(gaps.filter(isMissing).map((gap) => [gap.path, gap]))
  const gapOf = (path: ByteName): Gap | undefined =>
    missing.get(path) ?? (path === '/' ? undefined : gapOf(posix.dirname(path)))
  if (missing.size === 0 || paths.some((path) => gapOf(path) === undefined)) return
  const gap = gapOf(paths[0]!)!
  const others = paths.length === 1 ? '' : `, nor any of the ${paths.length - 1} other paths`
  throw new Failure('source_unreadable', `Cannot read "${printableName(gap.path)}": ${gap.detail}${others}`)
}

/** Whether there is nothing of this path in the snapshot. */
function isMissing({ reason }: Gap): boolean {
  return reason !== 'changed' && reason !== 'metadata'
}

import type { ByteName } from '../../base/byte-name.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { Repository } from '../../repository/repository.ts'
import { excludeNothing } from '../../sources/files/exclude-rules.ts'
import type { EntrySink } from '../../sources/entry-sink.ts'
import { packBytesDefault } from '../back-up/back-up.ts'
import type { Compression, BackupWorkerData } from '../back-up/backup-job.ts'
import type { BackupContext, BackupReport, BackupRequest } from '../back-up/backup-request.ts'
import type { BackupWorkers } from '../back-up/backup-workers.ts'
import { lendWorkers } from '../back-up/lend-workers.ts'
import { PackReceiver } from '../back-up/pack-receiver.ts'
import { snapshotOf, summaryOf } from '../back-up/snapshot-of.ts'
import { Reliance } from '../back-up/reliance.ts'
import { TreeReader } from '../tree-reader.ts'
import { StreamRun } from './stream-run.ts'

/** A snapshot that is made from a stream of entries instead of from files. */
export interface StreamRequest {
  readonly repository: Repository
  /** What the snapshot says was backed up: absolute paths of the entries at its root. */
  readonly paths: readonly ByteName[]
  readonly hostname: string
  readonly username?: string
  readonly tags?: NonNullable<BackupRequest['tags']>
  /** The snapshot that this one goes on from; what is unchanged is counted by it. */
  readonly parent: Snapshot | undefined
  readonly compression?: Compression
  /** Size at which a pack is full, bytes; 16 MiB where it is not given. */
  readonly packBytes?: number
  /** The snapshot's time; now where it is not given. */
  readonly time?: Date
  /**
   * `relied`: the packs that this snapshot relies on, its parent's before anything is read and the others before it is
   * stored, are read and compared with their names. What is damaged of the parent's is stored anew.
   */
  readonly rehash?: 'relied'
  /** Number of worker threads; as many as there are cores where it is not given. */
  readonly workers?: number
}

/**
 * Makes one snapshot of the entries that `feed` gives to the sink, without a copy of them anywhere: workers cut, hash,
 * compress and seal what arrives, and where they or the storage are slower than the source, it is held back. The
 * caller holds a shared lock on the repository, whose index is loaded. When `feed` rejects, there is no snapshot.
 *
 * Order: packs, then the indexes that name them, then the snapshot, which is the commit point. A crash before it
 * leaves blobs that no snapshot needs; the next backup of the same data finds those that are indexed and does not
 * store them again, and prune removes the rest.
 */
export async function backUpStream(
  request: StreamRequest,
  context: BackupContext,
  feed: (sink: EntrySink, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<BackupReport> {
  try {
    return await backUpClaiming(request, context, feed, signal)
  } finally {
    // What a failed one has claimed nobody stores: the next one with this repository must.
    request.repository.index.releaseClaims()
  }
}

async function backUpClaiming(
  request: StreamRequest,
  context: BackupContext,
  feed: (sink: EntrySink, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<BackupReport> {
  const { repository, parent } = request
  const begin = context.clock.now()
  const stopping = new AbortController()
  const stopped = AbortSignal.any([signal, stopping.signal])
  const receiver = new PackReceiver(repository, stopped)
  await using lent = lendWorkers(context, request.workers)
  const workers = lent.crew
  const run = new StreamRun(
    {
      pool: workers.pool,
      gearKey: repository.gearKey,
      trees: new TreeReader(repository),
      progress: context.progress,
      fallback: { mode: 0o700, uid: 0, gid: 0, mtime: Math.floor(begin.getTime() / 1000) },
    },
    stopped,
  )
  try {
    await workers.begin(workerDataOf(request, run.memory), (pack) => receiver.receive(pack))
    const withdrawn = new Set<Id>()
    const reliance =
      request.rehash === 'relied'
        ? relianceOf(repository, { workers, receiver, withdrawn }, context, stopped)
        : undefined
    if (parent !== undefined) await reliance?.isSound({ trees: [parent.tree], blobs: [] }, stopped)
    await feed(run, stopped)
    const tree = await run.finish(parent?.tree)
    await workers.flush()
    await receiver.stored()
    const isSound = await reliance?.isSound({ trees: [tree], blobs: [] }, stopped)
    if (isSound === false) throw unsound(withdrawn)
    await receiver.finish()
    lent.keep()
    const summary = summaryOf(run.counts, { bytesPacked: receiver.bytes, begin, end: context.clock.now() })
    const snapshot = snapshotOf(request, context, {
      time: request.time ?? begin,
      paths: request.paths,
      parent,
      tree,
      summary,
      holes: 0,
    })
    return {
      snapshotId: await repository.saveSnapshot(snapshot, signal),
      parentId: parent?.id,
      tree,
      summary,
      gaps: [],
      gapsOmitted: 0,
      packsWithdrawn: [...withdrawn],
      packsRehashed: reliance?.rehashed ?? { packs: 0, bytes: 0 },
    }
  } catch (error) {
    // A storage that failed makes the workers stop; the storage's failure is the cause to tell.
    const cause = receiver.failure ?? error
    stopping.abort(cause)
    // Without its lock nothing may be named any more: a prune may be removing what no index names yet.
    if (!isFailure(signal.reason, 'lock_lost')) await receiver.giveUp()
    throw cause
  }
}

/** Packs on their way to be hashed at a time. */
const rehashLanesMax = 16

function relianceOf(
  repository: Repository,
  parts: { readonly workers: BackupWorkers; readonly receiver: PackReceiver; readonly withdrawn: Set<Id> },
  { progress }: BackupContext,
  signal: AbortSignal,
): Reliance {
  const { workers, receiver, withdrawn } = parts
  return new Reliance({
    repository,
    ownPacks: receiver.packIds,
    withdrawn,
    lanes: Math.min(rehashLanesMax, workers.pool.workersMax + 2),
    hash: (buffer, length) => workers.hash(buffer, length, signal),
    progress: ({ packs, bytes }) => progress({ phase: 'rehash', filesDone: packs, bytesDone: bytes, gaps: 0 }),
  })
}

/** A stream can not be walked again: whoever gives it has to, and finds these packs out of the index. */
function unsound(withdrawn: ReadonlySet<Id>): Failure {
  return new Failure(
    'repository_damaged',
    `Cannot store the snapshot: ${withdrawn.size} packs that it would have relied on are damaged`,
    { facts: { packs: [...withdrawn].map((id) => id.slice(0, 8)).join(', '), hint: 'Run `heal`' } },
  )
}

function workerDataOf(request: StreamRequest, streamMemory: SharedArrayBuffer): BackupWorkerData {
  const { repository } = request
  return {
    key: repository.key,
    gearKey: repository.gearKey,
    index: repository.index.shared,
    repositoryVersion: repository.config.version,
    compression: request.compression ?? 'auto',
    chunking: { kind: 'content' },
    packBytesTarget: request.packBytes ?? packBytesDefault,
    excludes: excludeNothing,
    withAtime: false,
    readAll: true,
    dryRun: false,
    streamMemory,
  }
}

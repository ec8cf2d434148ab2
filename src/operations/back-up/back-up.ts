import { availableParallelism } from 'node:os'
import { posix } from 'node:path'
import { Failure } from '../../base/failure.ts'
import { formatGoTime } from '../../model/go-time.ts'
import type { Snapshot, SnapshotData, SnapshotSummary } from '../../model/snapshot.ts'
import { WorkerPool, workerUrl } from '../../kernels/worker-pool.ts'
import type { BackupAnswer, BackupJob, BackupWorkerData, PackReady } from './backup-job.ts'
import type { BackupContext, BackupReport, BackupRequest } from './backup-request.ts'
import { type BackupCounts, BackupRun } from './backup-run.ts'
import { findParent } from './find-parent.ts'
import { PackReceiver } from './pack-receiver.ts'
import { TreeReader } from '../tree-reader.ts'
import { backupRoots } from './targets.ts'

export type { BackupContext, BackupReport, BackupRequest } from './backup-request.ts'

const packBytesDefault = 16 * 1024 * 1024

/**
 * Makes one snapshot of files and directories. The caller holds a shared lock on the repository, whose index is
 * loaded. What can not be read is a gap in the report, not a failure; Failure `source_unreadable` where nothing of
 * a path can be read.
 *
 * Order: packs, then the indexes that name them, then the snapshot, which is the commit point. A crash before it
 * leaves blobs that no snapshot needs; the next backup of the same data finds those that are indexed and does not
 * store them again, and prune removes the rest.
 */
export async function backUp(
  request: BackupRequest,
  context: BackupContext,
  signal: AbortSignal,
): Promise<BackupReport> {
  const { repository } = request
  const begin = context.clock.now()
  const time = request.time ?? begin
  const paths = request.paths.map((path) => posix.resolve(request.workingDirectory, path))
  const roots = backupRoots(request.paths, request.workingDirectory)
  const parent = await parentOf(request, { paths, before: time }, signal)

  const stopping = new AbortController()
  const stopped = AbortSignal.any([signal, stopping.signal])
  const receiver = new PackReceiver(repository, stopped)
  const pool = new WorkerPool<BackupJob, BackupAnswer>({
    workerUrl: workerUrl(import.meta.url, './backup-worker'),
    workerData: workerDataOf(request),
    workersMax: request.workers ?? availableParallelism(),
    onMessage: (_worker, message) => receiver.receive(message as PackReady),
  })
  await using closing = pool
  const run = new BackupRun(
    {
      pool: closing,
      trees: new TreeReader(repository),
      oneFileSystem: request.oneFileSystem ?? false,
      progress: context.progress,
      totals: totalsOf(parent),
    },
    stopped,
  )
  try {
    const tree = await run.tree(roots, parent?.tree)
    await flush(closing)
    await receiver.finish()
    const summary = summaryOf(run.counts, receiver.bytes, begin, context.clock.now())
    const report = { parentId: parent?.id, tree, summary, gaps: run.gaps }
    if (request.dryRun === true || (request.skipIfUnchanged === true && parent?.tree === tree)) {
      return { ...report, snapshotId: undefined }
    }
    const snapshot = snapshotOf(request, context, { time, paths, parent, tree, summary })
    return { ...report, snapshotId: await repository.saveSnapshot(snapshot, signal) }
  } catch (error) {
    stopping.abort(error)
    // A storage that failed makes the workers stop; the storage's failure is the cause to tell.
    await receiver.finish().catch(() => {})
    throw receiver.failure ?? error
  }
}

async function parentOf(
  request: BackupRequest,
  wanted: { paths: string[]; before: Date },
  signal: AbortSignal,
): Promise<Snapshot | undefined> {
  const { repository, parent, hostname } = request
  if (parent === 'none') return undefined
  if (parent !== 'latest') return repository.loadSnapshot(parent.id, signal)
  return findParent(await repository.listSnapshots(signal), { hostname, ...wanted })
}

/** Every worker that has begun has packs that are not full. */
async function flush(pool: WorkerPool<BackupJob, BackupAnswer>): Promise<void> {
  for (const workerIndex of pool.workersStarted) {
    const answer = await pool.run({ kind: 'flush' }, [], { workerIndex })
    if (answer.kind !== 'flush') throw new Failure('defect', `A worker answered "${answer.kind}" to "flush"`)
  }
}

function workerDataOf(request: BackupRequest): BackupWorkerData {
  const { repository } = request
  return {
    key: repository.key,
    gearKey: repository.gearKey,
    index: repository.index.shared,
    repositoryVersion: repository.config.version,
    compression: request.compression ?? 'auto',
    packBytesTarget: request.packBytes ?? packBytesDefault,
    excludes: request.excludes,
    withAtime: request.withAtime ?? false,
    readAll: request.read === 'all',
    dryRun: request.dryRun ?? false,
  }
}

function totalsOf(parent: Snapshot | undefined): { files?: number; bytes?: number } {
  const summary = parent?.summary
  if (summary === undefined) return {}
  return { files: summary.total_files_processed, bytes: summary.total_bytes_processed }
}

function summaryOf(counts: BackupCounts, packedBytes: number, begin: Date, end: Date): SnapshotSummary {
  const files = counts.filesNew + counts.filesChanged + counts.filesUnmodified
  return {
    backup_start: goTime(begin),
    backup_end: goTime(end),
    files_new: counts.filesNew,
    files_changed: counts.filesChanged,
    files_unmodified: counts.filesUnmodified,
    dirs_new: counts.dirsNew,
    dirs_changed: counts.dirsChanged,
    dirs_unmodified: counts.dirsUnmodified,
    data_blobs: counts.dataBlobs,
    tree_blobs: counts.treeBlobs,
    data_added: counts.dataAdded + counts.treesAdded,
    data_added_packed: packedBytes === 0 ? counts.dataAddedPacked : packedBytes,
    total_files_processed: files,
    total_bytes_processed: counts.bytes,
  }
}

function snapshotOf(
  request: BackupRequest,
  context: BackupContext,
  facts: { time: Date; paths: string[]; parent: Snapshot | undefined; tree: string; summary: SnapshotSummary },
): SnapshotData {
  const { hostname, username, userId, groupId, tags, excludePatterns } = request
  return {
    time: goTime(facts.time),
    ...(facts.parent !== undefined && { parent: facts.parent.id }),
    tree: facts.tree,
    paths: facts.paths,
    hostname,
    ...(username !== undefined && { username }),
    ...(userId !== undefined && { uid: userId }),
    ...(groupId !== undefined && { gid: groupId }),
    ...(excludePatterns !== undefined && excludePatterns.length > 0 && { excludes: excludePatterns }),
    ...(tags !== undefined && tags.length > 0 && { tags }),
    program_version: context.programVersion,
    summary: facts.summary,
  }
}

function goTime(time: Date): string {
  const milliseconds = time.getTime()
  const seconds = Math.floor(milliseconds / 1000)
  return formatGoTime(seconds, (milliseconds - seconds * 1000) * 1_000_000)
}

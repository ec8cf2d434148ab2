import { posix } from 'node:path'
import type { ByteName } from '../../base/byte-name.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import { chunkBytesMax } from '../../kernels/kernel-memory.ts'
import type { Snapshot, SnapshotSummary } from '../../model/snapshot.ts'
import type { BackupCounts } from './backup-counts.ts'
import type { BackupWorkerData, Chunking } from './backup-job.ts'
import type { BackupContext, BackupReport, BackupRequest } from './backup-request.ts'
import { findParent } from './find-parent.ts'
import { lendWorkers } from './lend-workers.ts'
import { PackReceiver } from './pack-receiver.ts'
import { snapshotOf, summaryOf } from './snapshot-of.ts'
import { SourceStore } from './source-store.ts'
import { backupRoots } from './targets.ts'

export type { BackupContext, BackupReport, BackupRequest, SourceFacts } from './backup-request.ts'

/** Smaller chunks would take more room in the index than they can save. */
const fixedBytesMin = 4096
export const packBytesDefault = 16 * 1024 * 1024

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
  try {
    return await backUpClaiming(request, context, signal)
  } finally {
    // What a dry run or a failed one has claimed nobody stores: the next one with this repository must.
    request.repository.index.releaseClaims()
  }
}

async function backUpClaiming(
  request: BackupRequest,
  context: BackupContext,
  signal: AbortSignal,
): Promise<BackupReport> {
  const { repository } = request
  requireChunking(request.chunking)
  const begin = context.clock.now()
  const time = request.time ?? begin
  const paths = [...new Set(request.paths.map((path) => posix.resolve(request.workingDirectory, path)))]
  const roots = backupRoots(request.paths, request.workingDirectory)
  const snapshotPaths = request.snapshotPaths ?? paths
  const parent = await parentOf(request, { paths: snapshotPaths, before: time }, signal)

  const stopping = new AbortController()
  const stopped = AbortSignal.any([signal, stopping.signal])
  const receiver = new PackReceiver(repository, stopped)
  await using lent = lendWorkers(context, request.workers)
  const workers = lent.crew
  const summaryNow = (counts: BackupCounts): SnapshotSummary =>
    summaryOf(counts, { bytesPacked: receiver.bytes, begin, end: context.clock.now() })
  const { progress } = context
  const options = { request, paths, roots, parent, workers, receiver, progress, summaryOf: summaryNow }
  const source = new SourceStore(options, stopped)
  try {
    await workers.begin(workerDataOf(request), (pack) => receiver.receive(pack))
    const { tree, run, rehashed: packsRehashed } = await source.store()
    await receiver.finish()
    lent.keep()
    const summary = summaryNow(run.counts)
    const { kept: gaps, omitted: gapsOmitted } = run.gaps
    const packsWithdrawn = [...source.withdrawn]
    const report = { parentId: parent?.id, tree, summary, gaps, gapsOmitted, packsWithdrawn, packsRehashed }
    if (request.dryRun === true || (request.skipIfUnchanged === true && parent?.tree === tree)) {
      return { ...report, snapshotId: undefined }
    }
    const facts = { time, paths: snapshotPaths, parent, tree, summary, holes: run.gaps.holes }
    const snapshot = snapshotOf(request, context, facts)
    return { ...report, snapshotId: await repository.saveSnapshot(snapshot, signal) }
  } catch (error) {
    // A storage that failed makes the workers stop; the storage's failure is the cause to tell.
    const cause = receiver.failure ?? error
    stopping.abort(cause)
    // Without its lock nothing may be named any more: a prune may be removing what no index names yet.
    if (!isFailure(signal.reason, 'lock_lost')) await receiver.giveUp()
    throw cause
  }
}

/** The snapshot that a backup goes on from. */
export async function parentOf(
  request: Pick<BackupRequest, 'repository' | 'parent' | 'hostname'>,
  wanted: { paths: readonly ByteName[]; before: Date },
  signal: AbortSignal,
): Promise<Snapshot | undefined> {
  const { repository, parent, hostname } = request
  if (parent === 'none') return undefined
  if (parent !== 'latest') return repository.loadSnapshot(parent.id, signal)
  // A damaged snapshot is no parent. It is for check to tell; a new backup is needed all the more.
  const snapshots = await repository.listSnapshots(signal, { onDamaged: () => {} })
  return findParent(snapshots, { hostname, ...wanted })
}

function requireChunking(chunking: Chunking | undefined): void {
  if (chunking?.kind !== 'fixed') return
  const { bytes } = chunking
  if (Number.isInteger(bytes) && bytes >= fixedBytesMin && bytes <= chunkBytesMax) return
  const expected = `a whole number from ${fixedBytesMin} to ${chunkBytesMax}`
  throw new Failure('defect', `Cannot cut chunks of ${bytes} bytes each: expected ${expected}`)
}

function workerDataOf(request: BackupRequest): BackupWorkerData {
  const { repository } = request
  return {
    key: repository.key,
    gearKey: repository.gearKey,
    index: repository.index.shared,
    repositoryVersion: repository.config.version,
    compression: request.compression ?? 'auto',
    chunking: request.chunking ?? { kind: 'content' },
    packBytesTarget: request.packBytes ?? packBytesDefault,
    excludes: request.excludes,
    withAtime: request.withAtime ?? false,
    readAll: request.read === 'all',
    dryRun: request.dryRun ?? false,
  }
}

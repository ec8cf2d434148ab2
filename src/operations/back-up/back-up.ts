import { posix } from 'node:path'
import { type ByteName, printableName } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import { isFailure } from '../../base/failure.ts'
import { formatGoTime } from '../../model/go-time.ts'
import type { Id } from '../../model/id.ts'
import type { Snapshot, SnapshotData, SnapshotSummary } from '../../model/snapshot.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Gap } from '../../sources/files/gap.ts'
import type { BackupWorkerData } from './backup-job.ts'
import type { BackupContext, BackupReport, BackupRequest } from './backup-request.ts'
import { type BackupCounts, BackupRun } from './backup-run.ts'
import { BackupWorkers } from './backup-workers.ts'
import { findParent } from './find-parent.ts'
import { PackReceiver } from './pack-receiver.ts'
import { TreeReader } from '../tree-reader.ts'
import { backupRoots } from './targets.ts'

export type { BackupContext, BackupReport, BackupRequest } from './backup-request.ts'

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
  const begin = context.clock.now()
  const time = request.time ?? begin
  const paths = [...new Set(request.paths.map((path) => posix.resolve(request.workingDirectory, path)))]
  const roots = backupRoots(request.paths, request.workingDirectory)
  const parent = await parentOf(request, { paths, before: time }, signal)

  const stopping = new AbortController()
  const stopped = AbortSignal.any([signal, stopping.signal])
  const receiver = new PackReceiver(repository, stopped)
  await using workers = context.workers ?? new BackupWorkers(request.workers)
  const withdrawn = new Set<Id>()
  const run = new BackupRun(
    {
      pool: workers.pool,
      trees: new TreeReader(repository),
      withdrawPackOfTree: (treeId) => withdrawPackOfTree(repository, treeId, withdrawn),
      oneFileSystem: request.oneFileSystem ?? false,
      progress: context.progress,
      totals: totalsOf(parent),
    },
    stopped,
  )
  try {
    await workers.begin(workerDataOf(request), (pack) => receiver.receive(pack))
    const tree = await run.tree(roots, parent?.tree)
    await workers.flush()
    await receiver.finish()
    requireAnyOf(paths, run.gaps.kept)
    const summary = summaryOf(run.counts, receiver.bytes, begin, context.clock.now())
    const { kept: gaps, omitted: gapsOmitted } = run.gaps
    const report = { parentId: parent?.id, tree, summary, gaps, gapsOmitted, packsWithdrawn: [...withdrawn] }
    if (request.dryRun === true || (request.skipIfUnchanged === true && parent?.tree === tree)) {
      return { ...report, snapshotId: undefined }
    }
    const snapshot = snapshotOf(request, context, { time, paths, parent, tree, summary })
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

async function parentOf(
  request: BackupRequest,
  wanted: { paths: string[]; before: Date },
  signal: AbortSignal,
): Promise<Snapshot | undefined> {
  const { repository, parent, hostname } = request
  if (parent === 'none') return undefined
  if (parent !== 'latest') return repository.loadSnapshot(parent.id, signal)
  // A damaged snapshot is no parent. It is for check to tell; a new backup is needed all the more.
  const snapshots = await repository.listSnapshots(signal, { onDamaged: () => {} })
  return findParent(snapshots, { hostname, ...wanted })
}

function withdrawPackOfTree({ index }: Repository, tree: Id, withdrawn: Set<Id>): void {
  const entry = index.find(tree, 'tree')
  if (entry < 0) return // Another directory met the same pack before.
  const { packId } = index.location(entry)
  index.withdrawPacks([packId])
  withdrawn.add(packId)
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

/** What a snapshot tells of the run that made it. */
export function summaryOf(counts: BackupCounts, packedBytes: number, begin: Date, end: Date): SnapshotSummary {
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

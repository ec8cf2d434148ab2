import { posix } from 'node:path'
import { type ByteName, printableName } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import { isFailure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import type { Snapshot, SnapshotSummary } from '../../model/snapshot.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Gap } from '../../sources/files/gap.ts'
import { chunkBytesMax } from '../../kernels/kernel-memory.ts'
import type { BackupWorkerData, Chunking } from './backup-job.ts'
import type { BackupContext, BackupReport, BackupRequest } from './backup-request.ts'
import { BackupRun } from './backup-run.ts'
import { BackupWorkers } from './backup-workers.ts'
import { findParent } from './find-parent.ts'
import { PackReceiver } from './pack-receiver.ts'
import { TreeReader } from '../tree-reader.ts'
import { snapshotOf, summaryOf } from './snapshot-of.ts'
import { sourceOf, treeOfNodes, withoutOwnName } from './source-tree.ts'
import { type BackupRoot, backupRoots } from './targets.ts'

export type { BackupContext, BackupReport, BackupRequest, SourceFacts } from './backup-request.ts'

/** Smaller chunks would take more room in the index than they can save. */
const fixedBytesMin = 4096
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
    const tree = await treeOf({ request, roots, parent, run }, async () => {
      await workers.flush()
      await receiver.stored()
      requireAnyOf(paths, run.gaps.kept)
      return summaryOf(run.counts, { bytesPacked: receiver.bytes, begin, end: context.clock.now() })
    })
    await workers.flush()
    await receiver.finish()
    requireAnyOf(paths, run.gaps.kept)
    const summary = summaryOf(run.counts, { bytesPacked: receiver.bytes, begin, end: context.clock.now() })
    const { kept: gaps, omitted: gapsOmitted } = run.gaps
    const report = { parentId: parent?.id, tree, summary, gaps, gapsOmitted, packsWithdrawn: [...withdrawn] }
    if (request.dryRun === true || (request.skipIfUnchanged === true && parent?.tree === tree)) {
      return { ...report, snapshotId: undefined }
    }
    const snapshot = snapshotOf(request, context, { time, paths, parent, tree, summary, holes: run.gaps.holes })
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

/** The snapshot's tree: of the source's entries, and of the attachments where any are asked for. */
async function treeOf(
  facts: { request: BackupRequest; roots: readonly BackupRoot[]; parent: Snapshot | undefined; run: BackupRun },
  storeSource: () => Promise<SnapshotSummary>,
): Promise<Id> {
  const { request, roots, parent, run } = facts
  const { attach, repository, dryRun } = request
  if (attach === undefined) return await run.tree(roots, parent?.tree)
  const nodes = withoutOwnName(await run.nodes(roots, parent?.tree), run.gaps)
  const tree = treeOfNodes(nodes)
  if (dryRun === true) return tree.id
  const summary = await storeSource()
  const parentSource = parent && (await sourceOf(repository, parent, run.signal))
  const { kept: gaps, omitted: gapsOmitted } = run.gaps
  const isUnchanged = parentSource?.id === tree.id
  const files = await attach({ tree: tree.id, nodes: tree.nodes, gaps, gapsOmitted, summary, parent, isUnchanged })
  return await run.attach(nodes, files)
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

function requireChunking(chunking: Chunking | undefined): void {
  if (chunking?.kind !== 'fixed') return
  const { bytes } = chunking
  if (Number.isInteger(bytes) && bytes >= fixedBytesMin && bytes <= chunkBytesMax) return
  const expected = `a whole number from ${fixedBytesMin} to ${chunkBytesMax}`
  throw new Failure('defect', `Cannot cut chunks of ${bytes} bytes each: expected ${expected}`)
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
    chunking: request.chunking ?? { kind: 'content' },
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

import type { ByteName } from '../../base/byte-name.ts'
import { isFailure } from '../../base/failure.ts'
import { inLanes } from '../../base/in-lanes.ts'
import { workersOfCores } from '../../base/worker-count.ts'
import type { BlobCheck } from '../../repository/blob-opener.ts'
import { TargetFolder } from '../../sources/files/target-folder.ts'
import { TreeReader } from '../tree-reader.ts'
import { EntryRestorer } from './entry-restorer.ts'
import { fileWindows } from './file-windows.ts'
import { findEntry } from './find-entry.ts'
import { pathBelowTarget, type WantedFile } from './located-file.ts'
import { OpenDirectories } from './open-directories.ts'
import { readBack } from './read-back.ts'
import { RestoreCounts } from './restore-counts.ts'
import { RestoreCrew } from './restore-crew.ts'
import { FileRestorer } from './restore-files.ts'
import { restoreFilter } from './restore-filter.ts'
import type { RestoreWorkerData } from './restore-job.ts'
import type { RestoreContext, RestoreReport, RestoreRequest } from './restore-request.ts'
import { fileGroups, SpanSlots } from './span-slots.ts'
import { walkTree, type WalkEvent } from './walk-tree.ts'

export type { RestoreContext, RestoreProblem, RestoreReport, RestoreRequest } from './restore-request.ts'

/** A largest chunk of ours or restic's with its seal, and one that did not compress. */
const slotBytes = 9 * 1024 * 1024
const slotsPerWorker = 3

/**
 * Restores a tree, or a part of it, into a directory. Every blob's SHA-256 is verified before it is written; or, where files
 * are compared with digests of the caller's at the end, its seal, and then all that was written: what is wrong is written anew, each
 * blob by its SHA-256. Nothing is written outside the target, and what is there already and right is not written again, so a restore that was
 * stopped goes on where it was. What could not be restored is a problem in the report; the rest is restored. Failure
 * `target_failed` where the target as a whole takes nothing more, `path_missing` for a path that the snapshot has not,
 * and those of the storage.
 *
 * Order: directories as they are met, files with their content and then their metadata, hard links, and at last the
 * metadata of the directories. A crash leaves files without metadata or in part; the same restore again finds these
 * different and completes them.
 */
export async function restore(
  request: RestoreRequest,
  context: RestoreContext,
  signal: AbortSignal,
): Promise<RestoreReport> {
  const { repository, dryRun, overwrite, verify } = request
  const trees = new TreeReader(repository)
  const counts = new RestoreCounts(context.progress, request.totals ?? {})
  const start = await findEntry(request.tree, request.subpath, trees, signal)
  const filter = restoreFilter(request.selection)
  // Closed after the crew: the workers use the descriptor.
  using directories = openTarget(request)
  const workers = request.workers ?? workersOfCores()
  const slots = new SpanSlots({ workers, slotsPerWorker, slotBytes })
  const dataOf = (workerIndex: number): RestoreWorkerData => ({
    key: repository.key,
    memory: slots.memories[workerIndex]!,
    targetFd: directories!.fd, // Without a target there is no job.
    target: request.target,
    sparse: request.sparse,
  })
  await using crew = new RestoreCrew({ workers, dataOf, early: context.early, clock: context.clock }, signal)
  /** Files that differ, and that the rule of overwriting left alone. */
  const leftAlone = new Set<ByteName>()
  const shared = { directories, counts, dryRun, overwrite, leftAlone }
  const isReadBack = verify && !dryRun
  // All is hashed when it is read back; the seal tells until then nearly all that time and storage do to a blob.
  const check = isReadBack && request.digests !== undefined ? 'seal' : 'content'
  const restorer = (own: RestoreCounts, by: BlobCheck): FileRestorer =>
    new FileRestorer({ ...shared, counts: own, repository, crew, slots, check: by }, signal)
  const files = restorer(counts, check)
  const entries = new EntryRestorer(shared)
  const restoreAll = async (wanted: Iterable<WantedFile> | AsyncIterable<WantedFile>): Promise<void> =>
    inLanes(fileWindows(wanted), fileGroups, signal, async (window, group) => files.restore(window, group))

  await restoreAll(entries.restore(walkTree(start, { trees, filter }, signal)))
  for (let again: WantedFile[]; (again = entries.link((path) => files.isThere(path))).length > 0; ) {
    await restoreAll(again)
  }
  entries.finish()
  if (!isReadBack) return reportOf(counts, undefined)
  const beginMs = context.clock.monotonicMs()
  const digests = (await request.digests?.()) ?? new Map<ByteName, string | undefined>()
  const notMet = new Set(digests.keys())
  const restored = filesOf(walkTree(start, { trees, filter }, signal), (path) => notMet.delete(path))
  const second = new RestoreCounts(context.progress, {})
  const careful = { files: restorer(second, 'content'), counts: second }
  const options = { files, counts, digests, careful: check === 'seal' ? careful : undefined }
  if (await readBack(restored, options, signal)) entries.finish()
  for (const path of notMet) {
    const detail = 'Read back after the restore: the snapshot has no such file'
    counts.problem({ path: `${start.path}/${path}`, code: 'not_proven', detail })
  }
  const verifyMs = context.clock.monotonicMs() - beginMs
  return reportOf(counts, { files: counts.filesVerified, verifyMs })
}

/** The target, made where it is missing; undefined where it is missing and this is a dry run. */
function openTarget({ target, dryRun }: RestoreRequest): OpenDirectories | undefined {
  try {
    return new OpenDirectories(TargetFolder.open(target, { create: !dryRun }))
  } catch (error) {
    if (dryRun && isFailure(error, 'path_missing')) return undefined
    throw error
  }
}

async function* filesOf(
  events: AsyncIterable<WalkEvent>,
  met: (pathBelowTarget: ByteName) => void,
): AsyncGenerator<WantedFile, void, undefined> {
  for await (const event of events) {
    if (event.kind !== 'entry' || event.entry.node.type !== 'file') continue
    met(pathBelowTarget(event.entry))
    yield { ...event.entry, isNew: false }
  }
}

function reportOf(
  counts: RestoreCounts,
  verified: { readonly files: number; readonly verifyMs: number } | undefined,
): RestoreReport {
  const { files, directories, others, hardLinks, filesSkipped, bytesSkipped, bytes, bytesWritten, problems } = counts
  const report = { files, directories, others, hardLinks, filesSkipped, bytesSkipped, bytes, bytesWritten }
  return { ...report, filesVerified: verified?.files, verifyMs: verified?.verifyMs ?? 0, problems }
}

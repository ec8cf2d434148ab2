import { availableParallelism } from 'node:os'
import { isFailure } from '../../base/failure.ts'
import { WorkerPool, workerUrl } from '../../kernels/worker-pool.ts'
import { TargetFolder } from '../../sources/files/target-folder.ts'
import { eachAtOnce } from '../each-at-once.ts'
import { TreeReader } from '../tree-reader.ts'
import { EntryRestorer } from './entry-restorer.ts'
import { findEntry } from './find-entry.ts'
import { OpenDirectories } from './open-directories.ts'
import { RestoreCounts } from './restore-counts.ts'
import { FileRestorer, type WantedFile } from './restore-files.ts'
import { restoreFilter } from './restore-filter.ts'
import type { RestoreAnswer, RestoreJob, RestoreWorkerData } from './restore-job.ts'
import type { RestoreContext, RestoreReport, RestoreRequest } from './restore-request.ts'
import { SpanSlots } from './span-slots.ts'
import { walkTree, type WalkEvent } from './walk-tree.ts'

export type { RestoreContext, RestoreProblem, RestoreReport, RestoreRequest } from './restore-request.ts'

/** Files are restored in windows: their packs are read in order, and what is known of them is held in memory. */
const windowFilesMax = 4096
const windowBytesMax = 256 * 1024 * 1024
/** A largest chunk of ours or restic's with its seal, and one that did not compress. */
const slotBytes = 9 * 1024 * 1024
const slotsPerWorker = 3

/**
 * Restores a tree, or a part of it, into a directory. Every blob's SHA-256 is verified before it is written, nothing
 * is written outside the target, and what is there already and right is not written again, so a restore that was
 * stopped goes on where it was. What could not be restored is a problem in the report; the rest is restored.
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
  const { repository, dryRun } = request
  const trees = new TreeReader(repository)
  const counts = new RestoreCounts(context.progress, request.totals ?? {})
  const start = await findEntry(request.tree, request.subpath, trees, signal)
  const directories = openTarget(request)
  const workers = request.workers ?? availableParallelism()
  const slots = new SpanSlots({ workers, slotsPerWorker, slotBytes })
  await using pool = new WorkerPool<RestoreJob, RestoreAnswer>({
    workerUrl: workerUrl(import.meta.url, './restore-worker'),
    workerData: undefined,
    workerDataOf: (index): RestoreWorkerData => ({
      ...{ key: repository.key, target: request.target, sparse: request.sparse },
      memory: slots.memories[index]!,
    }),
    workersMax: workers,
  })
  const files = new FileRestorer({ ...request, pool, slots, directories, counts }, signal)
  const entries = new EntryRestorer({ directories, counts, dryRun, overwrite: request.overwrite })
  const filter = restoreFilter(request.selection)
  try {
    const wanted = entries.restore(walkTree(start, { trees, filter }, signal))
    await eachAtOnce(windows(wanted), 2, async (window) => files.restore(window))
    entries.finish()
    if (!request.verify || dryRun) return { ...reportOf(counts), filesVerified: undefined }
    const again = filesOf(walkTree(start, { trees, filter }, signal))
    await eachAtOnce(windows(again), 2, async (window) => files.verify(window))
    return { ...reportOf(counts), filesVerified: counts.filesVerified }
  } finally {
    directories?.close()
  }
}

/** The target, made where it is missing; undefined where it is missing and this is a dry run. */
function openTarget({ target, dryRun }: RestoreRequest): OpenDirectories | undefined {
  try {
    TargetFolder.open(target, { create: !dryRun }).close()
  } catch (error) {
    if (dryRun && isFailure(error, 'path_missing')) return undefined
    throw error
  }
  return new OpenDirectories(target)
}

/** Files in lots that are planned and held in memory together. */
async function* windows(files: AsyncIterable<WantedFile>): AsyncGenerator<WantedFile[], void, undefined> {
  let window: WantedFile[] = []
  let bytes = 0
  for await (const file of files) {
    window.push(file)
    bytes += file.node.size ?? 0
    if (window.length < windowFilesMax && bytes < windowBytesMax) continue
    yield window
    window = []
    bytes = 0
  }
  if (window.length > 0) yield window
}

async function* filesOf(events: AsyncIterable<WalkEvent>): AsyncGenerator<WantedFile, void, undefined> {
  for await (const event of events) {
    if (event.kind === 'entry' && event.entry.node.type === 'file') yield { ...event.entry, isNew: false }
  }
}

function reportOf(counts: RestoreCounts): Omit<RestoreReport, 'filesVerified'> {
  const { files, directories, others, hardLinks, filesSkipped, bytesSkipped, bytes, bytesWritten, problems } = counts
  return { files, directories, others, hardLinks, filesSkipped, bytesSkipped, bytes, bytesWritten, problems }
}

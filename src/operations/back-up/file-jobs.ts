import { errorCode } from '../../base/error-code.ts'
import type { ByteName } from '../../base/byte-name.ts'
import type { Node } from '../../model/node.ts'
import { chunkBytesMin } from '../../kernels/kernel-memory.ts'
import { close } from '../../posix/open.ts'
import type { FileStat } from '../../posix/stat.ts'
import { isSystemError } from '../../posix/system-error.ts'
import { encodeNode } from '../../repository/node-json.ts'
import { nodeFromStat, readDetails } from '../../sources/files/file-node.ts'
import { type Gap, gapOfError } from '../../sources/files/gap.ts'
import { changedWhileReading, type OpenFile, openFile, openForReading } from '../../sources/files/read-file.ts'
import { joinPath, openDirectory } from '../../sources/files/scan-directory.ts'
import type { BackupAnswer, BackupJob, FileAnswer, FilesCount, PendingFile } from './backup-job.ts'
import { countFile, nothingCounted } from './count-file.ts'
import { fixedChunks, scanChunks, storeChunks, storeContent } from './store-content.ts'
import type { WorkerContext } from './worker-context.ts'

type Job<Kind extends BackupJob['kind']> = Extract<BackupJob, { kind: Kind }>
type Answer<Kind extends BackupAnswer['kind']> = Extract<BackupAnswer, { kind: Kind }>

/** How much of a large file is cut into chunks by one job, bytes. */
const scanBytes = 64 * 1024 * 1024

/** Files of one directory, each read by this worker from beginning to end. */
export function filesJob(job: Job<'files'>, context: WorkerContext): Answer<'files'> {
  const files: FileAnswer[] = []
  const gaps: Gap[] = []
  const count = nothingCounted()
  let fd: number
  try {
    fd = openDirectory(job.directory, { symlink: job.symlink, purpose: 'search' })
  } catch (error) {
    if (!isSystemError(error)) throw error
    for (const { at, name } of job.files) {
      files.push({ at, node: undefined })
      gaps.push(gapOfError(joinPath(job.directory, name), error))
    }
    return { kind: 'files', files, count, gaps, stored: context.store.takeStored() }
  }
  try {
    for (const file of job.files) {
      const node = storeFile(fd, joinPath(job.directory, file.name), file, context, count, gaps)
      files.push({ at: file.at, node })
    }
  } finally {
    close(fd)
  }
  return { kind: 'files', files, count, gaps, stored: context.store.takeStored() }
}

/**
 * Stores one file and answers its node's JSON; undefined where there is none, and a gap says why. A file that
 * changed while it was read is stored as it was read, with a gap. System errors become gaps; other errors are thrown.
 * `listed` is its state when its directory was listed: a small file that is in that state still after it was read has
 * not changed, and needs to be asked only once.
 */
export function storeFile(
  directoryFd: number,
  path: ByteName,
  file: Pick<PendingFile, 'name' | 'isKnown' | 'same'> & { readonly listed?: FileStat },
  context: WorkerContext,
  count: FilesCount,
  gaps: Gap[],
): string | undefined {
  const store = (open: OpenFile, isListed: boolean): string | undefined => {
    const { ids, bytes } = storeContent(open.fd, open.stat.size, context.window, context.store)
    const gap = changedWhileReading(open, path, bytes)
    if (gap !== undefined && isListed) return undefined
    if (gap !== undefined) gaps.push(gap)
    const stat = bytes === open.stat.size ? open.stat : { ...open.stat, size: bytes }
    const node = encodeNode(nodeOfFile(file.name, { fd: open.fd, stat }, ids, path, context, gaps))
    count.bytes += bytes
    countFile(count, file, node)
    return node
  }
  const { listed, name } = file
  if (listed !== undefined && listed.size <= chunkBytesMin) {
    const node = storeListed(name, directoryFd, listed, (open) => store(open, true))
    if (node !== undefined) return node
  }
  // Large, or changed since it was listed, or a fault: read with its state asked before and after.
  return withOpenFile(name, directoryFd, path, gaps, (open) => store(open, false))
}

/** Undefined where the file is not as it was listed, or the system refuses something: then it is tried the long way. */
function storeListed(
  name: ByteName,
  directoryFd: number,
  stat: FileStat,
  store: (open: OpenFile) => string | undefined,
): string | undefined {
  let fd: number | undefined
  try {
    fd = openForReading(name, directoryFd)
    return store({ fd, stat })
  } catch (error) {
    if (!isSystemFault(error)) throw error
    return undefined // The long way meets the same fault, and tells it.
  } finally {
    if (fd !== undefined) close(fd)
  }
}

/** The lengths of a large file's chunks, from an offset on. */
export function scanJob(job: Job<'scan'>, context: WorkerContext): Answer<'scan'> {
  const gaps: Gap[] = []
  const { window } = context
  const answer = withOpenFile(job.path, undefined, job.path, gaps, ({ fd, stat }) => ({
    ...(window.chunkBytes === undefined
      ? scanChunks(fd, job.from, scanBytes, window)
      : fixedChunks(stat.size, job.from, scanBytes, window.chunkBytes)),
    stat,
  }))
  return { kind: 'scan', ...(answer ?? { lengths: [], isAtEnd: true, stat: undefined }), gap: gaps[0] }
}

/** Stores chunks of a large file. Where it is shorter by now, what is there; the node job tells that it changed. */
export function chunksJob(job: Job<'chunks'>, context: WorkerContext): Answer<'chunks'> {
  const gaps: Gap[] = []
  const answer = withOpenFile(job.path, undefined, job.path, gaps, (open) =>
    storeChunks(open.fd, job.from, job.lengths, context.window, context.store),
  )
  return { kind: 'chunks', ids: [], bytes: 0, ...answer, gap: gaps[0], stored: context.store.takeStored() }
}

/**
 * The node of a large file, once its content is stored. It tells the file's state before it was read: where that is
 * another by now, the next backup reads the file again.
 */
export function nodeJob(job: Job<'node'>, context: WorkerContext): Answer<'node'> {
  const gaps: Gap[] = []
  const { path, ids, bytes } = job
  const node = withOpenFile(path, undefined, path, gaps, ({ fd }) => {
    const gap = changedWhileReading({ fd, stat: job.stat }, path, bytes)
    if (gap !== undefined) gaps.push(gap)
    const name = path.slice(path.lastIndexOf('/') + 1)
    const stat = { ...job.stat, size: bytes }
    return encodeNode(nodeOfFile(name, { fd, stat }, ids, path, context, gaps))
  })
  return { kind: 'node', node, gaps }
}

function nodeOfFile(
  name: ByteName,
  open: OpenFile,
  content: readonly string[],
  path: ByteName,
  context: WorkerContext,
  gaps: Gap[],
): Node {
  const read = readDetails({ directoryFd: -1, name, type: 'file', fd: open.fd }, path)
  gaps.push(...read.gaps)
  return nodeFromStat(name, open.stat, { ...read.details, content }, context.nodeOptions)
}

/** Does something with an open file. What the system refuses is a gap, and undefined is answered. */
function withOpenFile<Result>(
  name: ByteName,
  directoryFd: number | undefined,
  path: ByteName,
  gaps: Gap[],
  use: (open: OpenFile) => Result,
): Result | undefined {
  const gapsBefore = gaps.length
  try {
    const open = openFile(name, directoryFd)
    if (open === undefined) {
      gaps.push({ path, reason: 'changed', detail: 'it is no regular file any more' })
      return undefined
    }
    try {
      return use(open)
    } finally {
      close(open.fd)
    }
  } catch (error) {
    if (errorCode(error) === undefined || !isSystemFault(error)) throw error
    gaps.length = gapsBefore // One gap says that the file is missing; what else was wrong with it no longer matters.
    gaps.push(gapOfError(path, error))
    return undefined
  }
}

/** Errors of system calls have an errno; Failures of this program have none. */
function isSystemFault(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'errno' in error && typeof error.errno === 'number'
}

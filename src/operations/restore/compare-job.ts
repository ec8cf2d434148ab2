import { createHash, hash } from 'node:crypto'
import { compareMoments, parseGoTime } from '../../model/go-time.ts'
import { close } from '../../posix/open.ts'
import { readAt } from '../../posix/read.ts'
import { type FileStat, statOpen } from '../../posix/stat.ts'
import { hasMetadata } from '../../sources/files/has-metadata.ts'
import type { TargetDirectory } from '../../sources/files/target-directory.ts'
import type { CompareBy, CompareTarget, Comparison, RestoreAnswer, RestoreJob } from './restore-job.ts'
import type { RestoreWorkerContext } from './restore-worker-context.ts'
import { troubleOf } from './target-trouble.ts'

/** A file that is hashed as a whole is read in pieces of so many bytes. */
const wholeReadBytes = 1024 * 1024

/** Compares files of the target with what they are to hold, blob by blob. Changes nothing, not even access times. */
export function compareJob(
  job: Extract<RestoreJob, { kind: 'compare' }>,
  context: RestoreWorkerContext,
): Extract<RestoreAnswer, { kind: 'compare' }> {
  const longest = job.files.reduce((most, file) => file.lengths.reduce((a, b) => Math.max(a, b), most), 0)
  const isWhole = job.files.some(({ digest }) => digest !== undefined)
  const scratch = Buffer.allocUnsafeSlow(isWhole ? Math.max(longest, wholeReadBytes) : longest)
  const comparisons = job.files.map((file): Comparison => {
    let stat: FileStat | undefined
    try {
      const directory = context.directories.get(job.directories[file.directory]!)
      stat = directory.stat(file.node.name)
      if (stat === undefined) return { state: 'absent' }
      return compare(stat, { file, directory, by: job.by, scratch })
    } catch (error) {
      // Nothing can be there where its directory can not be opened: writing it will tell the trouble.
      if (stat === undefined) return { state: 'absent' }
      if (job.by === 'times' && looksEqual(stat, file)) {
        return { state: 'equal', mtime: mtimeOf(stat), metadata: 'unknown' }
      }
      return { state: 'different', wrong: 'all', mtime: mtimeOf(stat), trouble: troubleOf(error).detail }
    }
  })
  return { kind: 'compare', comparisons }
}

interface Compared {
  readonly file: CompareTarget
  readonly directory: TargetDirectory
  readonly by: CompareBy
  readonly scratch: Buffer
}

function compare(found: FileStat, { file, directory, by, scratch }: Compared): Comparison {
  const different = { state: 'different', wrong: 'all', mtime: mtimeOf(found) } as const
  if (found.type !== 'file') return different
  if (by === 'presence')
    return looksEqual(found, file) ? { ...different, state: 'equal', metadata: 'right' } : different
  const fd = directory.fileForReading(file.node.name)
  if (fd === undefined) return different // Somebody changed it since it was looked at.
  try {
    const stat = statOpen(fd)
    const mtime = mtimeOf(stat)
    if (by === 'times' && stat.size !== file.size) return different
    if (file.digest !== undefined) return compareWhole(fd, { file, stat, digest: file.digest, scratch })
    const isEqual = by === 'times' && looksEqual(stat, file)
    const wrong = isEqual ? [] : wrongBlobs(fd, file, scratch)
    if (wrong.length > 0 || stat.size !== file.size) {
      // What can not be completed as it is can be made anew, which takes rights on its directory only.
      const isToKeep = by === 'content' && stat.links === 1 && directory.isWritable(file.node.name)
      return { state: 'different', mtime, wrong: isToKeep ? wrong : 'all' }
    }
    if (by === 'proof') return { state: 'equal', mtime, metadata: 'right' }
    const metadata = hasMetadata(fd, stat, file.node) ? 'right' : 'unknown'
    // Metadata are not set through a name of which others are somebody else's.
    if (metadata === 'unknown' && stat.links > Math.max(1, file.node.links ?? 1)) return { ...different, mtime }
    return { state: 'equal', mtime, metadata }
  } finally {
    close(fd)
  }
}

function compareWhole(
  fd: number,
  parts: {
    readonly file: CompareTarget
    readonly stat: FileStat
    readonly digest: string
    readonly scratch: Buffer
  },
): Comparison {
  const { file, stat, digest, scratch } = parts
  const mtime = mtimeOf(stat)
  const different = { state: 'different', wrong: 'all', mtime } as const
  if (stat.size !== file.size) {
    return { ...different, trouble: `it has ${stat.size} bytes, expected ${file.size}` }
  }
  const found = hashOfWhole(fd, scratch)
  if (found === digest) return { state: 'equal', mtime, metadata: 'right' }
  return { ...different, trouble: `its SHA-256 is ${found}, expected ${digest}` }
}

function hashOfWhole(fd: number, scratch: Buffer): string {
  const digest = createHash('sha256')
  for (let offset = 0; ; ) {
    const length = readAt(fd, scratch, offset)
    digest.update(scratch.subarray(0, length))
    offset += length
    if (length < scratch.length) return digest.digest('hex')
  }
}

function wrongBlobs(fd: number, file: CompareTarget, scratch: Buffer): number[] {
  const wrong: number[] = []
  let offset = 0
  for (const [number, length] of file.lengths.entries()) {
    if (hashOf(fd, offset, scratch.subarray(0, length)) !== file.content[number]) wrong.push(number)
    offset += length
  }
  return wrong
}

/** SHA-256 of a stretch of a file, read into `into`; of what there is of it, where the file ends before. */
function hashOf(fd: number, offset: number, into: Uint8Array): string {
  return hash('sha256', into.subarray(0, readAt(fd, into, offset)))
}

function looksEqual(stat: FileStat, { size, node }: CompareTarget): boolean {
  if (stat.type !== 'file' || stat.size !== size || node.mtime === undefined) return false
  return compareMoments(parseGoTime(node.mtime), mtimeOf(stat)) === 0
}

function mtimeOf(stat: FileStat): { seconds: number; nanoseconds: number } {
  return { seconds: stat.mtimeSeconds, nanoseconds: stat.mtimeNanoseconds }
}

import { hash } from 'node:crypto'
import { readSync } from 'node:fs'
import { compareMoments, parseGoTime } from '../../model/go-time.ts'
import { close } from '../../posix/open.ts'
import { type FileStat, statOpen } from '../../posix/stat.ts'
import type { Comparison, FileTarget, RestoreAnswer, RestoreJob } from './restore-job.ts'
import { eachFile, type RestoreWorkerContext } from './write-job.ts'

type CompareJob = Extract<RestoreJob, { kind: 'compare' }>

/** Compares files of the target with what they are to hold, blob by blob. */
export function compareJob(
  job: CompareJob,
  context: RestoreWorkerContext,
): Extract<RestoreAnswer, { kind: 'compare' }> {
  const scratch = Buffer.allocUnsafeSlow(
    job.files.reduce((most, file) => file.lengths.reduce((a, b) => Math.max(a, b), most), 0),
  )
  const comparisons: Comparison[] = job.files.map(() => ({ state: 'absent', wrong: [], mtimeSeconds: 0 }))
  const problems = eachFile(job.files, (file, number) => {
    const directory = context.directories.get(job.directories[file.directory]!)
    const fd = directory.fileForReading(file.node.name)
    if (fd === undefined) {
      // Something else may have its name: a symlink, say, that writing the file will replace.
      const other = directory.stat(file.node.name)
      if (other !== undefined) comparisons[number] = { state: 'different', wrong: [], mtimeSeconds: other.mtimeSeconds }
      return
    }
    try {
      comparisons[number] = compare(fd, file, job.trustTimes, scratch)
    } finally {
      close(fd)
    }
  })
  return { kind: 'compare', comparisons, problems }
}

function compare(fd: number, file: CompareJob['files'][number], trustTimes: boolean, scratch: Buffer): Comparison {
  const stat = statOpen(fd)
  const { mtimeSeconds } = stat
  if (trustTimes && stat.size === file.size && isSameTime(stat, file)) {
    return { state: 'equal', wrong: [], mtimeSeconds }
  }
  // A file of more than one name is not written to, as its other names may be somebody else's: all of it is made anew.
  const isShared = stat.links > 1
  const wrong: number[] = []
  const ids = file.node.content ?? []
  let offset = 0
  for (const [number, length] of file.lengths.entries()) {
    if (hashOf(fd, offset, scratch.subarray(0, length)) !== ids[number]) wrong.push(number)
    offset += length
  }
  const isEqual = wrong.length === 0 && stat.size === file.size
  if (!isEqual && isShared) return { state: 'different', wrong: [...file.lengths.keys()], mtimeSeconds }
  return { state: isEqual ? 'equal' : 'different', wrong, mtimeSeconds }
}

/** SHA-256 of a stretch of a file, read into `into`; of what there is of it, where the file ends before. */
function hashOf(fd: number, offset: number, into: Uint8Array): string {
  let filled = 0
  while (filled < into.length) {
    const count = readSync(fd, into, filled, into.length - filled, offset + filled)
    if (count === 0) break
    filled += count
  }
  return hash('sha256', into.subarray(0, filled))
}

function isSameTime(stat: FileStat, { node }: FileTarget): boolean {
  if (node.mtime === undefined) return false
  const now = { seconds: stat.mtimeSeconds, nanoseconds: stat.mtimeNanoseconds }
  return compareMoments(parseGoTime(node.mtime), now) === 0
}

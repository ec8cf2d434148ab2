import type { ByteName } from '../../base/byte-name.ts'
import type { Id } from '../../model/id.ts'
import type { FileStat } from '../../posix/stat.ts'
import type { Gap } from '../../sources/files/gap.ts'
import type { BackupAnswer, BackupJob } from './backup-job.ts'

/** A file of this size or more is read by all workers together. */
export const sharedFileBytesMin = 32 * 1024 * 1024

/** How much of a large file is cut into chunks ahead of those that store them, and how much one job stores. */
const scanBytes = 64 * 1024 * 1024
const storeBytes = 8 * 1024 * 1024
/** Portions that may wait to be stored: not further ahead than one scan, so that what is under way stays bounded. */
const portionsAhead = 1 + Math.ceil(scanBytes / storeBytes)

type Answer<Kind extends BackupAnswer['kind']> = Extract<BackupAnswer, { kind: Kind }>

/** Has a worker do a job. */
export type RunJob = <Kind extends BackupJob['kind']>(
  job: Extract<BackupJob, { kind: Kind }>,
  kind: Kind,
) => Promise<Answer<Kind>>

export interface SharedFile {
  /** Undefined where there is none, and a gap says why. */
  readonly node: string | undefined
  /** Bytes that the node holds. */
  readonly bytes: number
  readonly gaps: readonly Gap[]
}

interface Portion {
  readonly bytesExpected: number
  readonly answer: Promise<Answer<'chunks'>>
}

/**
 * Stores a large file: one job after the other cuts ahead, while others store what was cut, on whichever worker has
 * time. `stored` is told of each portion. As for a small file, what the system refuses to give up to the end is a gap
 * and no node; a file that became shorter is stored up to there.
 */
export async function storeSharedFile(
  path: ByteName,
  run: RunJob,
  stored: (answer: Answer<'chunks'>) => void,
): Promise<SharedFile> {
  const portions: Portion[] = []
  const { stat, gap } = await cutAndStore(path, portions, run, stored)
  const answers = await Promise.all(portions.map(({ answer }) => answer))
  const refusal = gap ?? answers.find((answer) => answer.gap !== undefined)?.gap
  if (refusal !== undefined || stat === undefined) {
    return { node: undefined, bytes: 0, gaps: refusal === undefined ? [] : [refusal] }
  }
  const ids: Id[] = []
  let bytes = 0
  for (const [at, answer] of answers.entries()) {
    for (const id of answer.ids) ids.push(id)
    bytes += answer.bytes
    if (answer.bytes < portions[at]!.bytesExpected) break // It was cut short; what follows would not lie where it lay.
  }
  const { node, gaps } = await run({ kind: 'node', path, ids, bytes, stat }, 'node')
  return { node, bytes: node === undefined ? 0 : bytes, gaps }
}

/** Adds portions until the file ends. The state is that before the first scan; the gap ends it early. */
async function cutAndStore(
  path: ByteName,
  portions: Portion[],
  run: RunJob,
  stored: (answer: Answer<'chunks'>) => void,
): Promise<{ readonly stat: FileStat | undefined; readonly gap: Gap | undefined }> {
  let stat: FileStat | undefined
  const store = async (from: number, lengths: readonly number[]): Promise<Answer<'chunks'>> => {
    const answer = await run({ kind: 'chunks', path, from, lengths }, 'chunks')
    stored(answer)
    return answer
  }
  for (let from = 0; ; ) {
    const scan = await run({ kind: 'scan', path, from }, 'scan')
    stat ??= scan.stat
    if (scan.gap !== undefined) return { stat, gap: scan.gap }
    for (const { lengths, bytes } of inPortions(scan.lengths)) {
      const answer = store(from, lengths)
      answer.catch(() => {}) // Its turn comes later; until then Node must not call it unhandled.
      portions.push({ bytesExpected: bytes, answer })
      from += bytes
    }
    if (scan.isAtEnd) return { stat, gap: undefined }
    const before = await portions.at(-portionsAhead)?.answer
    if (before?.gap !== undefined) return { stat, gap: before.gap }
  }
}

/** Chunks of a large file that one job stores. */
function* inPortions(lengths: readonly number[]): Generator<{ readonly lengths: number[]; readonly bytes: number }> {
  let portion: number[] = []
  let bytes = 0
  for (const length of lengths) {
    portion.push(length)
    bytes += length
    if (bytes < storeBytes) continue
    yield { lengths: portion, bytes }
    portion = []
    bytes = 0
  }
  if (portion.length > 0) yield { lengths: portion, bytes }
}

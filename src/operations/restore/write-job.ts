import { errorMessage } from '../../base/error-message.ts'
import { isFailure } from '../../base/failure.ts'
import { setLength } from '../../posix/file-space.ts'
import { close } from '../../posix/open.ts'
import { writeAt } from '../../posix/write.ts'
import type { BlobOpener } from '../../repository/blob-opener.ts'
import { applyMetadata, type MetadataProblem } from '../../sources/files/apply-metadata.ts'
import { writeSparse } from '../../sources/files/write-sparse.ts'
import type { OpenDirectories } from './open-directories.ts'
import type { FileProblem, FileTarget, RestoreAnswer, RestoreJob } from './restore-job.ts'

type Job<Kind extends RestoreJob['kind']> = Extract<RestoreJob, { kind: Kind }>
type Answer<Kind extends RestoreAnswer['kind']> = Extract<RestoreAnswer, { kind: Kind }>

export interface RestoreWorkerContext {
  readonly directories: OpenDirectories
  readonly blobs: BlobOpener
  readonly sparse: boolean
}

/** Runs of zeros shorter than this are written: holes of a page would only scatter the file. */
const sparseBytesMin = 32 * 1024

interface OpenTarget {
  readonly fd: number
  /** Writes still to come. */
  writesLeft: number
  /** Bytes were left out, so the length must be set. */
  hasHoles: boolean
}

export function writeJob(job: Job<'write'>, context: RestoreWorkerContext): Answer<'write'> {
  const files = [...job.whole, ...job.parts]
  const writes = new Uint32Array(files.length)
  for (const blob of job.blobs) for (let at = 0; at < blob.writes.length; at += 2) writes[blob.writes[at]!]!++
  const open = new Map<number, OpenTarget>()
  const failed = new Set<number>()
  /** The main thread looks for another copy of what is missing, and gives the metadata then. */
  const incomplete = new Set<number>()
  const problems: FileProblem[] = []
  const damaged: { blob: number; detail: string }[] = []
  let bytesWritten = 0

  const attempt = (file: number, action: () => void): void => {
    try {
      action()
    } catch (error) {
      problems.push(problemOf(file, error))
      failed.add(file)
    }
  }
  const openTarget = (file: number): OpenTarget => {
    const known = open.get(file)
    if (known !== undefined) return known
    const { directory, node } = files[file]!
    const into = context.directories.get(job.directories[directory]!)
    const fd = file < job.whole.length ? into.newFile(node.name) : into.presentFile(node.name)
    const target = { fd, writesLeft: writes[file]!, hasHoles: false }
    open.set(file, target)
    return target
  }
  const end = (file: number, target: OpenTarget): void => {
    open.delete(file)
    try {
      if (file >= job.whole.length || failed.has(file) || incomplete.has(file)) return
      const { node, size } = files[file]!
      attempt(file, () => {
        if (target.hasHoles) setLength(target.fd, size)
        problems.push(...applyMetadata({ fd: target.fd }, node).map((problem) => metadataProblem(file, problem)))
      })
    } finally {
      close(target.fd)
    }
  }

  // Files without content have no blob to bring them up.
  for (let file = 0; file < job.whole.length; file++) {
    if (writes[file] === 0) attempt(file, () => end(file, openTarget(file)))
  }
  for (const [number, blob] of job.blobs.entries()) {
    let content: Uint8Array | undefined
    try {
      content = context.blobs.openAt(blob.at, blob.at + blob.length, { ...blob, type: 'data' })
    } catch (error) {
      if (!isFailure(error, 'repository_damaged')) throw error
      damaged.push({ blob: number, detail: error.message })
    }
    for (let at = 0; at < blob.writes.length; at += 2) {
      const file = blob.writes[at]!
      attempt(file, () => {
        const target = openTarget(file)
        if (content === undefined) incomplete.add(file)
        else if (!failed.has(file)) bytesWritten += writeContent(target, content, blob.writes[at + 1]!, file, context)
        if (--target.writesLeft === 0) end(file, target)
      })
    }
  }
  for (const [file, target] of open) end(file, target) // Those that failed on the way.
  return { kind: 'write', bytesWritten, problems, damaged }

  function writeContent(
    target: OpenTarget,
    content: Uint8Array,
    offset: number,
    file: number,
    { sparse }: RestoreWorkerContext,
  ): number {
    if (sparse && file < job.whole.length && hasLongZeros(content)) {
      const { skippedBytes } = writeSparse(target.fd, content, offset, 'fresh')
      if (skippedBytes > 0) target.hasHoles = true
    } else writeAt(target.fd, content, offset)
    return content.length
  }
}

/** Makes files of their full length, so that parts can be written in any order. */
export function prepareJob(job: Job<'prepare'>, context: RestoreWorkerContext): Answer<'prepare'> {
  const problems = eachFile(job.files, (file) => {
    const directory = context.directories.get(job.directories[file.directory]!)
    const fd = job.content === 'new' ? directory.newFile(file.node.name) : directory.presentFile(file.node.name)
    try {
      setLength(fd, file.size)
    } finally {
      close(fd)
    }
  })
  return { kind: 'prepare', problems }
}

/** Gives files their metadata, once all of their content is there. */
export function finishJob(job: Job<'finish'>, context: RestoreWorkerContext): Answer<'finish'> {
  const metadataProblems: FileProblem[] = []
  const problems = eachFile(job.files, ({ directory, node }, file) => {
    const found = context.directories.get(job.directories[directory]!).applyMetadata(node.name, node)
    metadataProblems.push(...found.map((problem) => metadataProblem(file, problem)))
  })
  return { kind: 'finish', problems: [...problems, ...metadataProblems] }
}

/** Does something for each file; Failures of the target are answered as problems of the file. */
export function eachFile<File extends FileTarget>(
  files: readonly File[],
  action: (file: File, number: number) => void,
): FileProblem[] {
  const problems: FileProblem[] = []
  for (const [number, file] of files.entries()) {
    try {
      action(file, number)
    } catch (error) {
      problems.push(problemOf(number, error))
    }
  }
  return problems
}

function metadataProblem(file: number, { what, detail }: MetadataProblem): FileProblem {
  return { file, code: 'target_failed', detail: `Cannot set its ${what}: ${detail}` }
}

function problemOf(file: number, error: unknown): FileProblem {
  if (isFailure(error, 'target_unsafe')) return { file, code: 'target_unsafe', detail: error.message }
  if (isFailure(error) && error.code !== 'target_failed') throw error
  return { file, code: 'target_failed', detail: errorMessage(error) }
}

/** Looks at one byte of each stretch first: nearly all data show themselves by that. */
function hasLongZeros(content: Uint8Array): boolean {
  const view = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  for (let at = 0; at + sparseBytesMin <= view.length; at += sparseBytesMin) {
    if (view[at] !== 0 || view[at + sparseBytesMin / 2] !== 0 || view[at + sparseBytesMin - 1] !== 0) continue
    if (view.compare(longZeros, 0, sparseBytesMin, at, at + sparseBytesMin) === 0) return true
  }
  return false
}

const longZeros = Buffer.alloc(sparseBytesMin)

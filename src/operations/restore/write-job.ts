import { isFailure } from '../../base/failure.ts'
import { setLength } from '../../posix/file-space.ts'
import { close } from '../../posix/open.ts'
import { writeAt } from '../../posix/write.ts'
import { applyMetadata } from '../../sources/files/apply-metadata.ts'
import { writeSparse } from '../../sources/files/write-sparse.ts'
import { metadataProblem } from './each-file.ts'
import type { FileProblem, RestoreAnswer, RestoreJob } from './restore-job.ts'
import type { RestoreWorkerContext } from './restore-worker-context.ts'
import { troubleOf } from './target-trouble.ts'

type WriteJob = Extract<RestoreJob, { kind: 'write' }>

/** Runs of zeros shorter than this are written: holes of a page would only scatter the file. */
const sparseBytesMin = 32 * 1024
/** Files that are open at a time. Many wait for more only where they share a blob and go on with others. */
const openMax = 128

export function writeJob(job: WriteJob, context: RestoreWorkerContext): Extract<RestoreAnswer, { kind: 'write' }> {
  const damaged: { blob: number; detail: string }[] = []
  const files = new FilesBeingWritten(job, context)
  try {
    files.writeEmpty()
    for (const [number, blob] of job.blobs.entries()) {
      let content: Uint8Array | undefined
      try {
        content = context.blobs.openAt(blob.at, blob.at + blob.length, { ...blob, type: 'data' }, job.check)
      } catch (error) {
        if (!isFailure(error, 'repository_damaged')) throw error
        damaged.push({ blob: number, detail: error.message })
      }
      const { writes } = blob
      for (let at = 0; at < writes.length; at += 2) files.write(writes[at]!, content, writes[at + 1]!)
    }
  } finally {
    files.close()
  }
  const { bytesWritten, problems } = files
  return { kind: 'write', bytesWritten, problems, damaged }
}

interface FileBeingWritten {
  /** Undefined while it is closed to make room for others. */
  fd: number | undefined
  /** Bytes were left out, so that the length must be set. */
  hasHoles: boolean
}

/** The files of one job: each opened with its first blob, and closed with its last one. */
class FilesBeingWritten {
  bytesWritten = 0
  readonly problems: FileProblem[] = []
  readonly #job: WriteJob
  readonly #context: RestoreWorkerContext
  /** By file: writes still to come. */
  readonly #writesLeft: Uint32Array
  readonly #begun = new Map<number, FileBeingWritten>()
  #openCount = 0
  readonly #failed = new Set<number>()
  /** A blob is missing: the main thread looks for another copy, and gives the metadata then. */
  readonly #incomplete = new Set<number>()

  constructor(job: WriteJob, context: RestoreWorkerContext) {
    this.#job = job
    this.#context = context
    this.#writesLeft = new Uint32Array(job.whole.length + job.parts.length)
    for (const { writes } of job.blobs) for (let at = 0; at < writes.length; at += 2) this.#writesLeft[writes[at]!]!++
  }

  /** Files without content have no blob to bring them up. */
  writeEmpty(): void {
    for (let file = 0; file < this.#job.whole.length; file++) {
      if (this.#writesLeft[file] === 0) this.#attempt(file, () => this.#end(file, this.#open(file)))
    }
  }

  /** Writes a blob into a file, or leaves it out where its content is not to be had. */
  write(file: number, content: Uint8Array | undefined, offset: number): void {
    if (this.#failed.has(file)) return
    this.#attempt(file, () => {
      const being = this.#open(file)
      if (content === undefined) this.#incomplete.add(file)
      else this.#writeContent(file, being, content, offset)
      if (--this.#writesLeft[file]! === 0) this.#end(file, being)
    })
  }

  /** Closes what is open still after an error. */
  close(): void {
    for (const file of this.#begun.keys()) this.#abandon(file)
  }

  #attempt(file: number, action: () => void): void {
    try {
      action()
    } catch (error) {
      this.#failed.add(file)
      this.#abandon(file)
      this.problems.push({ file, what: 'file', ...troubleOf(error) })
    }
  }

  #open(file: number): FileBeingWritten & { readonly fd: number } {
    const known = this.#begun.get(file)
    if (known?.fd !== undefined) return known as FileBeingWritten & { readonly fd: number }
    if (this.#openCount >= openMax) this.#makeRoom()
    const { whole, parts, directories } = this.#job
    const isWhole = file < whole.length
    const { directory, node } = isWhole ? whole[file]! : parts[file - whole.length]!
    const into = this.#context.directories.get(directories[directory]!)
    const isNew = isWhole && known === undefined
    const fd = isNew ? into.newFile(node.name) : into.presentFile(node.name)
    this.#openCount++
    const being = { fd, hasHoles: known?.hasHoles ?? false }
    this.#begun.set(file, being)
    return being
  }

  #writeContent(file: number, being: FileBeingWritten & { readonly fd: number }, content: Uint8Array, offset: number) {
    if (this.#context.sparse && hasLongZeros(content)) {
      const { whole, parts } = this.#job
      const isFresh = file < whole.length || parts[file - whole.length]!.content === 'new'
      const { skippedBytes } = writeSparse(being.fd, content, offset, isFresh ? 'fresh' : 'written')
      if (skippedBytes > 0) being.hasHoles = true
    } else writeAt(being.fd, content, offset)
    this.bytesWritten += content.length
  }

  #end(file: number, { fd, hasHoles }: FileBeingWritten & { readonly fd: number }): void {
    const target = this.#job.whole[file]
    if (target !== undefined && !this.#incomplete.has(file)) {
      if (hasHoles) setLength(fd, target.size)
      for (const problem of applyMetadata({ fd }, target.node)) this.problems.push(metadataProblem(file, problem))
    }
    this.#begun.delete(file)
    this.#openCount--
    close(fd)
  }

  /** Closes the file that was opened first of those that are open. */
  #makeRoom(): void {
    for (const being of this.#begun.values()) {
      if (being.fd === undefined) continue
      const { fd } = being
      being.fd = undefined
      this.#openCount--
      close(fd)
      return
    }
  }

  /** Closes a file that failed: why it did is told already. */
  #abandon(file: number): void {
    const fd = this.#begun.get(file)?.fd
    this.#begun.delete(file)
    if (fd === undefined) return
    this.#openCount--
    try {
      close(fd)
    } catch {
      // The descriptor is gone all the same.
    }
  }
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

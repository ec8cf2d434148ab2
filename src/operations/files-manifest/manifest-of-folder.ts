import { hash } from 'node:crypto'
import { closeSync, fstatSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { throwIfStopped } from '../../base/abort.ts'
import { type ByteName, compareNames, decodeName, encodeName, printableName } from '../../base/byte-name.ts'
import { errorCode } from '../../base/error-code.ts'
import { errorMessage } from '../../base/error-message.ts'
import { Failure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import type { FilesManifest } from '../../model/manifest.ts'
import type { Node } from '../../model/node.ts'
import type { BlobIndex } from '../../repository/blob-index.ts'
import { attachmentFolder } from '../attachments.ts'
import type { TreeSource } from '../list/tree-source.ts'
import {
  contentDigest,
  DirectoryDigest,
  EntryCounts,
  type EntryFacts,
  factDifferences,
  factsOfNode,
} from './directory-digest.ts'

export interface FolderToProve {
  /** What the snapshot's root was restored as. */
  readonly folder: ByteName
  /** The nodes that it should hold, without attachments. */
  readonly nodes: readonly Node[]
  readonly trees: TreeSource
  /** What is there and is not in the snapshot: `told` makes it a difference; `ignored` is for a folder that held other things before. */
  readonly surplus: 'told' | 'ignored'
  /** Knows how long each chunk is. */
  readonly index: Pick<BlobIndex, 'find' | 'plaintextLength'>
}

export interface FolderProof {
  /** Of what lies there. */
  readonly manifest: FilesManifest
  /** Paths that are not as in the snapshot, with what is other about them; at most 100. */
  readonly differences: readonly { readonly path: ByteName; readonly detail: string }[]
  readonly differencesOmitted: number
}

const differencesMax = 100
/** What is read at once of what no chunk tells the length of. */
const readBytes = 8 * 1024 * 1024
/** After so many bytes the thread's other work has its turn. */
const turnBytes = 8 * 1024 * 1024

/**
 * Reads what was restored back from the disk, and makes the manifest of that: files are cut where the chunks of the snapshot end, so
 * that equal content has equal ids. It shares no code with the restore. What is there and is not in the snapshot counts
 * too where `surplus` says so, but for attachments. Failure `target_failed` where something can not be read.
 */
export async function filesManifestOfFolder(request: FolderToProve, signal: AbortSignal): Promise<FolderProof> {
  const work = new FolderWork(request, signal)
  const digest = await work.directory(encodeName(request.folder), '', request.nodes)
  return work.proof(digest)
}

class FolderWork {
  readonly #request: FolderToProve
  readonly #signal: AbortSignal
  readonly #counts = new EntryCounts()
  readonly #differences: { path: ByteName; detail: string }[] = []
  #omitted = 0
  #buffer = Buffer.alloc(readBytes)
  #bytesOfTurn = 0

  constructor(request: FolderToProve, signal: AbortSignal) {
    this.#request = request
    this.#signal = signal
  }

  proof(digest: string): FolderProof {
    const differences = this.#differences
    return { manifest: this.#counts.manifest(digest), differences, differencesOmitted: this.#omitted }
  }

  /** The digest of a directory on disk. `nodes`: what should be in it; undefined where it should not be there. */
  async directory(path: Buffer, shown: ByteName, nodes: readonly Node[] | undefined): Promise<string> {
    throwIfStopped(this.#signal)
    const expected = new Map(nodes?.map((node) => [node.name, node]))
    await setImmediate()
    const names = this.#reading(path, () => readdirSync(path, { encoding: 'buffer' }))
      .map((name) => decodeName(name))
      .filter((name) => shown !== '' || name !== attachmentFolder)
      .filter((name) => this.#request.surplus === 'told' || expected.has(name))
      .sort(compareNames)
    const present = new Set(names)
    for (const name of expected.keys()) if (!present.has(name)) this.#note(`${shown}/${name}`, 'it is missing')
    const digest = new DirectoryDigest()
    for (const name of names) {
      const node = expected.get(name)
      const found = this.#entry(below(path, name), node)
      if (this.#bytesOfTurn >= turnBytes) await this.#turn()
      const entryShown = `${shown}/${name}`
      this.#counts.add(found)
      const details = node === undefined ? ['it is not in the snapshot'] : factDifferences(factsOfNode(node), found)
      if (details.length > 0) this.#note(entryShown, details.join(', '))
      digest.add(
        name,
        found,
        found.type === 'dir' ? await this.#subdirectory(below(path, name), entryShown, node) : undefined,
      )
    }
    return digest.end()
  }

  async #subdirectory(path: Buffer, shown: ByteName, node: Node | undefined): Promise<string> {
    const tree =
      node?.subtree === undefined ? undefined : await this.#request.trees.loadTree(node.subtree, this.#signal)
    return await this.directory(path, shown, tree?.nodes)
  }

  #entry(path: Buffer, node: Node | undefined): EntryFacts {
    const stat = this.#reading(path, () => lstatSync(path))
    const mode = stat.mode & 0o7777
    if (stat.isDirectory()) return { type: 'dir', mode }
    if (stat.isSymbolicLink()) {
      const target = this.#reading(path, () => readlinkSync(path, { encoding: 'buffer' }))
      return { type: 'symlink', target: decodeName(target) }
    }
    if (stat.isBlockDevice()) return { type: 'dev', mode, device: String(stat.rdev) }
    if (stat.isCharacterDevice()) return { type: 'chardev', mode, device: String(stat.rdev) }
    if (stat.isFIFO()) return { type: 'fifo', mode }
    if (!stat.isFile()) return { type: 'socket', mode }
    const read = this.#reading(path, () => this.#content(path, node?.content ?? []))
    return { type: 'file', mode, size: read.bytes, content: contentDigest(read.ids) }
  }

  /** Ids of the chunks of a file on disk, cut as the snapshot's; what is behind these is cut at will. */
  #content(path: Buffer, chunks: readonly Id[]): { readonly ids: Id[]; readonly bytes: number } {
    const { index } = this.#request
    const fd = openSync(path, 'r')
    try {
      const { size } = fstatSync(fd)
      const ids: Id[] = []
      let bytes = 0
      for (let next = 0; bytes < size; next++) {
        const chunk = chunks[next]
        const entry = chunk === undefined ? -1 : index.find(chunk, 'data')
        // A chunk that no index names can not be told from another: it is different then, whatever it is.
        const length = entry < 0 ? readBytes : index.plaintextLength(entry)
        if (this.#buffer.length < length) this.#buffer = Buffer.alloc(length)
        const filled = fill(fd, this.#buffer.subarray(0, length), bytes)
        if (filled === 0) break
        ids.push(hash('sha256', this.#buffer.subarray(0, filled)))
        bytes += filled
      }
      this.#bytesOfTurn += bytes
      return { ids, bytes }
    } finally {
      closeSync(fd)
    }
  }

  async #turn(): Promise<void> {
    this.#bytesOfTurn = 0
    await setImmediate()
    throwIfStopped(this.#signal)
  }

  #reading<Answer>(path: Buffer, read: () => Answer): Answer {
    try {
      return read()
    } catch (error) {
      if (errorCode(error) === undefined || error instanceof Failure) throw error
      const message = `Cannot read back "${printableName(decodeName(path))}": ${errorMessage(error)}`
      throw new Failure('target_failed', message, { cause: error })
    }
  }

  #note(path: ByteName, detail: string): void {
    if (this.#differences.length < differencesMax) this.#differences.push({ path, detail })
    else this.#omitted++
  }
}

function fill(fd: number, into: Buffer, position: number): number {
  let filled = 0
  while (filled < into.length) {
    const count = readSync(fd, into, filled, into.length - filled, position + filled)
    if (count === 0) break
    filled += count
  }
  return filled
}

function below(path: Buffer, name: ByteName): Buffer {
  return Buffer.concat([path, Buffer.from('/'), encodeName(name)])
}

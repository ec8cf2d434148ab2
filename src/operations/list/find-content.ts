import type { Node } from '../../model/node.ts'
import { readContent } from './read-content.ts'
import type { BlobSource } from './tree-source.ts'

/** Contents that are known to lack what is looked for; more are searched again. */
const knownMax = 1_000_000

/**
 * Says of files whether their content holds some bytes. A content is read once however many files and backups have it, a piece
 * at a time.
 */
export class ContentSearch {
  readonly #wanted: Buffer
  readonly #known = new Map<string, boolean>()

  /** `wanted` is not empty. */
  constructor(wanted: Uint8Array) {
    this.#wanted = Buffer.from(wanted)
  }

  /** False of what is no file. Failures: those of reading its content. */
  async holds(source: BlobSource, node: Node, signal: AbortSignal): Promise<boolean> {
    if (node.type !== 'file' || (node.size ?? 0) < this.#wanted.length) return false
    const key = (node.content ?? []).join(' ')
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const found = await this.#search(source, node, signal)
    if (this.#known.size < knownMax) this.#known.set(key, found)
    return found
  }

  async #search(source: BlobSource, node: Node, signal: AbortSignal): Promise<boolean> {
    let tail: Buffer = Buffer.alloc(0)
    for await (const piece of readContent(source, node, signal)) {
      const bytes = Buffer.concat([tail, piece])
      if (bytes.includes(this.#wanted)) return true
      // What is looked for may lie across two pieces.
      tail = bytes.subarray(Math.max(0, bytes.length - this.#wanted.length + 1))
    }
    return false
  }
}

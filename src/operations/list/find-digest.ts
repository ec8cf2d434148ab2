import { createHash } from 'node:crypto'
import type { Node } from '../../model/node.ts'
import { readContent } from './read-content.ts'
import type { BlobSource } from './tree-source.ts'

/** Contents whose digest is known; more are read again. */
const knownMax = 1_000_000

/**
 * Says of files whether their content has a SHA-256. A file of one chunk is named by it, and is not read; of any other content
 * the digest is taken once, however many files and backups have it.
 */
export class DigestSearch {
  readonly #wanted: string
  readonly #known = new Map<string, string>()

  /** `wanted`: 64 hex digits, small. */
  constructor(wanted: string) {
    this.#wanted = wanted
  }

  /** False of what is no file. Failures: those of reading its content. */
  async holds(source: BlobSource, node: Node, signal: AbortSignal): Promise<boolean> {
    if (node.type !== 'file') return false
    const content = node.content ?? []
    if (content.length === 1) return content[0] === this.#wanted
    const key = content.join(' ')
    const digest = this.#known.get(key) ?? (await digestOf(source, node, signal))
    if (this.#known.size < knownMax) this.#known.set(key, digest)
    return digest === this.#wanted
  }
}

async function digestOf(source: BlobSource, node: Node, signal: AbortSignal): Promise<string> {
  const digest = createHash('sha256')
  for await (const piece of readContent(source, node, signal)) digest.update(piece)
  return digest.digest('hex')
}

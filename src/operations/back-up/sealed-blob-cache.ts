import type { Id } from '../../model/id.ts'
import type { Repository } from '../../repository/repository.ts'
import { packObjectName } from '../../storage/object-name.ts'
import type { SharedSealedBlob } from './backup-job.ts'

/** Packs kept, bytes; trees of one snapshot lie together in few packs. */
const cacheBytesMax = 64 * 1024 * 1024

/**
 * Trees of the parent snapshot as they are stored, for workers to open. Trees lie side by side in packs of their
 * own, so the whole pack is read at the first one and kept in memory that all threads share.
 */
export class SealedBlobCache {
  readonly #repository: Repository
  readonly #packs = new Map<Id, Promise<SharedArrayBuffer>>()
  #bytes = 0

  constructor(repository: Repository) {
    this.#repository = repository
  }

  /** The tree of this id; undefined where the index does not name it. Failures of the storage pass through. */
  async tree(id: Id, signal: AbortSignal): Promise<SharedSealedBlob | undefined> {
    const { index } = this.#repository
    const entry = index.find(id, 'tree')
    if (entry < 0) return undefined
    const packId = index.packId(index.packNumber(entry))
    return {
      buffer: await this.#pack(packId, signal),
      offset: index.offset(entry),
      length: index.length(entry),
      uncompressedLength: index.uncompressedLength(entry),
    }
  }

  #pack(id: Id, signal: AbortSignal): Promise<SharedArrayBuffer> {
    const known = this.#packs.get(id)
    if (known !== undefined) {
      this.#packs.delete(id) // Most recently used goes last.
      this.#packs.set(id, known)
      return known
    }
    const reading = this.#read(id, signal)
    reading.catch(() => this.#packs.delete(id)) // The caller is told; the next one may try again.
    this.#packs.set(id, reading)
    return reading
  }

  async #read(id: Id, signal: AbortSignal): Promise<SharedArrayBuffer> {
    const { storage } = this.#repository
    const name = packObjectName(id)
    const size = (await storage.size(name, signal)) ?? 0
    const buffer = new SharedArrayBuffer(size)
    const into = new Uint8Array(buffer)
    const bytes = await storage.get(name, { into }, signal)
    if (bytes.buffer !== buffer) into.set(bytes.subarray(0, size))
    this.#bytes += size
    for (const [old, pack] of this.#packs) {
      if (this.#bytes <= cacheBytesMax || old === id) break
      this.#packs.delete(old)
      this.#bytes -= (await pack).byteLength
    }
    return buffer
  }
}

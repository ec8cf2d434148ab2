import { Failure, isFailure } from '../base/failure.ts'
import type { Id } from '../model/id.ts'
import type { Tree } from '../model/node.ts'
import { packObjectName } from '../repository/object-kind.ts'
import type { Repository } from '../repository/repository.ts'
import { decodeTree } from '../repository/tree-json.ts'

/** Packs kept, bytes; trees of one snapshot lie together in few packs. */
const cacheBytesMax = 64 * 1024 * 1024
/** Twice the largest pack that restic makes. Of a larger one, the trees are read one by one. */
const packBytesMax = 256 * 1024 * 1024

/** A sealed blob in memory that all threads share. */
export interface SharedSealedBlob {
  readonly buffer: SharedArrayBuffer
  readonly offset: number
  readonly length: number
  /** Length before compression; undefined where it is not compressed. */
  readonly uncompressedLength: number | undefined
}

/**
 * Reads the trees of snapshots. Trees lie side by side in packs of their own, so the whole pack is read at the first
 * one and kept for the others, in memory that all threads share: one read of the storage serves thousands of
 * directories.
 */
export class TreeReader {
  readonly #repository: Repository
  readonly #packs = new Map<Id, KeptPack>()
  #bytes = 0

  constructor(repository: Repository) {
    this.#repository = repository
  }

  /** The tree of this id. Where this copy is damaged or gone, another one; Failure of the last one where none is good. */
  async tree(id: Id, signal: AbortSignal): Promise<Tree> {
    const { index } = this.#repository
    const entry = index.find(id, 'tree')
    if (entry >= 0) {
      try {
        const { buffer, offset, length } = (await this.sealed(id, signal))!
        const content = this.#repository.openBlob(new Uint8Array(buffer, offset, length), index.location(entry))
        return decodeTree(content, `tree "${id}"`)
      } catch (error) {
        if (!isFailure(error, 'repository_damaged') && !isFailure(error, 'object_missing')) throw error
      }
    }
    return await this.#repository.loadTree(id, signal)
  }

  /** The pack from which sealed() would read this tree now. */
  packOf(id: Id): Id | undefined {
    const { index } = this.#repository
    const entry = index.find(id, 'tree')
    return entry < 0 ? undefined : index.packId(index.packNumber(entry))
  }

  /** The tree of this id as it is stored; undefined where the index does not name it. */
  async sealed(id: Id, signal: AbortSignal): Promise<SharedSealedBlob | undefined> {
    const { index } = this.#repository
    const entry = index.find(id, 'tree')
    if (entry < 0) return undefined
    const packId = index.packId(index.packNumber(entry))
    const buffer = await this.#pack(packId, signal)
    const [offset, length] = [index.offset(entry), index.length(entry)]
    if (offset + length > buffer.byteLength) {
      throw new Failure(
        'repository_damaged',
        `Cannot read tree "${id}": pack "${packId}" has ${buffer.byteLength} bytes`,
      )
    }
    return { buffer, offset, length, uncompressedLength: index.uncompressedLength(entry) }
  }

  #pack(id: Id, signal: AbortSignal): Promise<SharedArrayBuffer> {
    const known = this.#packs.get(id)
    if (known !== undefined) {
      this.#packs.delete(id) // Most recently used goes last.
      this.#packs.set(id, known)
      return known.reading
    }
    const reading = this.#read(id, signal)
    const kept: KeptPack = { reading, bytes: undefined }
    this.#packs.set(id, kept)
    reading.then(
      ({ byteLength }) => this.#keep(kept, byteLength),
      () => this.#packs.delete(id), // The caller is told; the next one may try again.
    )
    return reading
  }

  async #read(id: Id, signal: AbortSignal): Promise<SharedArrayBuffer> {
    const { storage } = this.#repository
    const name = packObjectName(id)
    const size = (await storage.size(name, signal)) ?? 0
    if (size > packBytesMax) {
      throw new Failure('repository_damaged', `Cannot read pack "${id}": it has ${size} bytes, more than any pack has`)
    }
    const buffer = new SharedArrayBuffer(size)
    const into = new Uint8Array(buffer)
    const bytes = await storage.get(name, { into }, signal)
    if (bytes.buffer !== buffer) into.set(bytes.subarray(0, size))
    return buffer
  }

  /** Counts a pack that was read, and lets go of older ones; of none that is still being read, as its size is not known. */
  #keep(kept: KeptPack, bytes: number): void {
    kept.bytes = bytes
    this.#bytes += bytes
    for (const [id, pack] of this.#packs) {
      if (this.#bytes <= cacheBytesMax) return
      if (pack === kept || pack.bytes === undefined) continue
      this.#packs.delete(id)
      this.#bytes -= pack.bytes
    }
  }
}

interface KeptPack {
  readonly reading: Promise<SharedArrayBuffer>
  /** Undefined while it is being read. */
  bytes: number | undefined
}

import { zstdCompressSync } from 'node:zlib'
import { KernelMemory } from '../../kernels/kernel-memory.ts'
import { Sealer, sealedOverhead } from '../../kernels/seal.ts'
import type { BlobType, PackedBlob } from '../../model/blob.ts'
import type { Id } from '../../model/id.ts'
import type { IndexedPack } from '../../repository/index-json.ts'
import { packObjectName } from '../../repository/object-kind.ts'
import { PackBuilder } from '../../repository/pack-builder.ts'
import { packHeaderBytes } from '../../repository/pack-header.ts'
import type { Repository } from '../../repository/repository.ts'
import { isDamage } from '../load-index-files.ts'
import type { KeptBlob, RepackedPack } from './plan-prune.ts'

/** Copies blobs from old packs into new ones: data and trees apart, in packs of `packBytes`. */
export class Repacker {
  readonly #repository: Repository
  readonly #packBytes: number
  readonly #targets: Readonly<Record<BlobType, TargetPack>>
  readonly #written: IndexedPack[] = []

  constructor(repository: Repository, packs: readonly RepackedPack[], packBytes: number) {
    this.#repository = repository
    this.#packBytes = packBytes
    const room = (type: BlobType): number => {
      const kept = packs.flatMap(({ keep }) => keep).filter(({ blob }) => blob.type === type)
      const largest = kept.reduce((most, { blob }) => Math.max(most, blob.length, blob.uncompressedLength ?? 0), 0)
      return packBytes + largest + sealedOverhead + (largest >> 7) + headerRoom
    }
    this.#targets = { data: new TargetPack(repository, room('data')), tree: new TargetPack(repository, room('tree')) }
  }

  /** Takes over what is to be kept of one pack, whose bytes are given; writes new packs when they are full. */
  async take({ id, keep }: RepackedPack, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    for (const kept of keep) {
      const { builder } = this.#targets[kept.blob.type]
      await this.#add(builder, kept, id, bytes, signal)
      if (builder.packBytes >= this.#packBytes) await this.#flush(kept.blob.type, signal)
    }
  }

  /** Writes what is left; answers all packs written. */
  async end(signal: AbortSignal): Promise<readonly IndexedPack[]> {
    await this.#flush('data', signal)
    await this.#flush('tree', signal)
    return this.#written
  }

  /** Sealed bytes move as they are once their content was verified; nothing is sealed anew that need not be. */
  async #add(
    builder: PackBuilder,
    { blob, how }: KeptBlob,
    packId: Id,
    bytes: Uint8Array,
    signal: AbortSignal,
  ): Promise<void> {
    const { type, id, offset, length, uncompressedLength } = blob
    const sealed = bytes.subarray(offset, offset + length)
    const content = await this.#verified(blob, packId, sealed, signal)
    if (content.from === 'here' && (how === 'as it is' || content.bytes.length === 0)) {
      builder.addSealed({ id, type, sealed, uncompressedLength })
      return
    }
    const compresses = (how === 'compress' || uncompressedLength !== undefined) && content.bytes.length > 0
    builder.add({
      id,
      type,
      bytes: compresses ? zstdCompressSync(content.bytes) : content.bytes,
      uncompressedLength: compresses ? content.bytes.length : undefined,
    })
  }

  /** The blob's content: of this copy, or where it is damaged, of another one that the index knows. */
  async #verified(
    blob: PackedBlob,
    packId: Id,
    sealed: Uint8Array,
    signal: AbortSignal,
  ): Promise<{ readonly from: 'here' | 'another copy'; readonly bytes: Uint8Array }> {
    try {
      return { from: 'here', bytes: this.#repository.openBlob(sealed, { ...blob, packId }) }
    } catch (error) {
      if (!isDamage(error)) throw error
      if (this.#repository.index.locations(blob.id, blob.type).length < 2) throw error
      return { from: 'another copy', bytes: await this.#repository.loadBlob(blob.id, blob.type, signal) }
    }
  }

  async #flush(type: BlobType, signal: AbortSignal): Promise<void> {
    const { builder, memory } = this.#targets[type]
    if (builder.blobCount === 0) return
    const { id, start, end, blobs } = builder.finish()
    await this.#repository.savePack(id, memory.view(start, end), signal)
    this.#written.push({ id, blobs })
    builder.reset()
  }
}

/** Entries of blobs as small as they come, for a pack that is nearly full when the largest blob arrives. */
const headerRoom = 4 * 1024 * 1024 + packHeaderBytes([])

class TargetPack {
  readonly memory: KernelMemory
  readonly builder: PackBuilder

  constructor(repository: Repository, bytes: number) {
    this.memory = new KernelMemory({ regionBytes: bytes })
    const sealer = new Sealer(this.memory, repository.key, () => repository.random(16))
    this.builder = new PackBuilder(sealer, this.memory, this.memory.start, this.memory.end)
  }
}

/** Reads the part of a pack from its first to its last blob to be kept; the answer begins at the pack's first byte. */
export async function readForRepacking(
  repository: Pick<Repository, 'storage'>,
  pack: RepackedPack,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (pack.keep.length === 0) return new Uint8Array(0)
  const end = pack.keep.reduce((most, { blob }) => Math.max(most, blob.offset + blob.length), 0)
  return await repository.storage.get(packObjectName(pack.id), { range: { offset: 0, length: end } }, signal)
}

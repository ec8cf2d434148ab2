import { hash } from 'node:crypto'
import { zstdCompressSync } from 'node:zlib'
import { neverStopped } from '../src/base/abort.ts'
import { KernelMemory } from '../src/kernels/kernel-memory.ts'
import { Sealer } from '../src/kernels/seal.ts'
import type { BlobType } from '../src/model/blob.ts'
import type { Id } from '../src/model/id.ts'
import type { Node } from '../src/model/node.ts'
import type { SnapshotData } from '../src/model/snapshot.ts'
import type { IndexedPack } from '../src/repository/index-json.ts'
import { PackBuilder } from '../src/repository/pack-builder.ts'
import type { Repository } from '../src/repository/repository.ts'
import { encodeTree } from '../src/repository/tree-json.ts'

/** Directories as objects, files as their contents in blobs. */
export interface SampleTree {
  readonly [name: string]: SampleTree | readonly Uint8Array[]
}

export interface SampleSnapshot extends Partial<SnapshotData> {
  /** Blobs for a pack; few, so that small samples have several packs. */
  readonly blobsPerPack?: number
  /** Whether blobs are compressed; in format 1 they never are. */
  readonly compression?: 'on' | 'off'
}

const signal = neverStopped()

/** Stores a snapshot of this tree in packs and an index of its own; blobs that are known are not stored again. */
export async function storeSnapshot(
  repository: Repository,
  tree: SampleTree,
  options: SampleSnapshot = {},
): Promise<Id> {
  const { blobsPerPack = 4, compression = 'on', ...data } = options
  const writer = new SampleWriter(repository, blobsPerPack, compression === 'on' && repository.version === 2)
  const root = await writer.tree(tree)
  await writer.end()
  return await repository.saveSnapshot(
    { time: '2026-01-02T03:04:05Z', tree: root, paths: ['/sample'], hostname: 'host', ...data },
    signal,
  )
}

class SampleWriter {
  readonly #repository: Repository
  readonly #blobsPerPack: number
  readonly #compresses: boolean
  readonly #memory = new KernelMemory({ regionBytes: 8 * 1024 * 1024 })
  readonly #builder: PackBuilder
  readonly #waiting: Record<BlobType, { id: Id; bytes: Uint8Array }[]> = { data: [], tree: [] }
  readonly #packs: IndexedPack[] = []

  constructor(repository: Repository, blobsPerPack: number, compresses: boolean) {
    this.#repository = repository
    this.#blobsPerPack = blobsPerPack
    this.#compresses = compresses
    const sealer = new Sealer(this.#memory, repository.key, () => repository.random(16))
    this.#builder = new PackBuilder(sealer, this.#memory, this.#memory.start, this.#memory.end)
  }

  async tree(tree: SampleTree): Promise<Id> {
    const nodes: Node[] = []
    for (const name of Object.keys(tree).toSorted()) {
      const content = tree[name]!
      const shared = { name, uid: 0, gid: 0, mtime: '2026-01-01T00:00:00Z' }
      if (isFile(content)) {
        const ids = []
        for (const bytes of content) ids.push(await this.#blob('data', bytes))
        const size = content.reduce((sum, { length }) => sum + length, 0)
        nodes.push({ ...shared, type: 'file', mode: 0o644, size, content: ids })
      } else {
        nodes.push({ ...shared, type: 'dir', mode: 0o20000000755, content: null, subtree: await this.tree(content) })
      }
    }
    return await this.#blob('tree', encodeTree(nodes))
  }

  async end(): Promise<void> {
    await this.#flush('data')
    await this.#flush('tree')
    await this.#repository.saveIndex(this.#packs, signal)
    for (const { id, blobs } of this.#packs) this.#repository.index.settlePack(id, blobs)
  }

  async #blob(type: BlobType, bytes: Uint8Array): Promise<Id> {
    const id = hash('sha256', bytes)
    if (!this.#repository.index.claim(id, type)) return id
    this.#waiting[type].push({ id, bytes })
    if (this.#waiting[type].length >= this.#blobsPerPack) await this.#flush(type)
    return id
  }

  async #flush(type: BlobType): Promise<void> {
    const blobs = this.#waiting[type].splice(0)
    if (blobs.length === 0) return
    this.#builder.reset()
    for (const { id, bytes } of blobs) {
      const isCompressed = this.#compresses && bytes.length > 0
      this.#builder.add({
        id,
        type,
        bytes: isCompressed ? zstdCompressSync(bytes) : bytes,
        uncompressedLength: isCompressed ? bytes.length : undefined,
      })
    }
    const pack = this.#builder.finish()
    await this.#repository.savePack(pack.id, this.#memory.bytes.subarray(pack.start, pack.end), signal)
    this.#packs.push({ id: pack.id, blobs: pack.blobs })
  }
}

function isFile(content: SampleTree | readonly Uint8Array[]): content is readonly Uint8Array[] {
  return Array.isArray(content)
}

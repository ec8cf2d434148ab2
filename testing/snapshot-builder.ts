import { hash } from 'node:crypto'
import { zstdCompressSync } from 'node:zlib'
import { neverStopped } from '../src/base/abort.ts'
import { KernelMemory } from '../src/kernels/kernel-memory.ts'
import { Sealer } from '../src/kernels/seal.ts'
import type { BlobType } from '../src/model/blob.ts'
import { goMode } from '../src/model/file-mode.ts'
import type { Id } from '../src/model/id.ts'
import type { Node, NodeType } from '../src/model/node.ts'
import type { IndexedPack } from '../src/repository/index-json.ts'
import { encodeNode } from '../src/repository/node-json.ts'
import { PackBuilder } from '../src/repository/pack-builder.ts'
import type { Repository } from '../src/repository/repository.ts'

interface WaitingBlob {
  readonly id: Id
  readonly type: BlobType
  readonly bytes: Uint8Array
}

/**
 * Writes blobs and trees as the test says, also such as no backup would make: names that lead elsewhere, a name
 * twice, blobs whose content is not what their id says, copies in several packs.
 */
export class SnapshotBuilder {
  readonly #repository: Repository
  readonly #compresses: boolean
  readonly #waiting: WaitingBlob[] = []
  readonly #known = new Set<string>()
  readonly #packs: IndexedPack[] = []
  readonly #writing: Promise<unknown>[] = []

  constructor(repository: Repository, options: { readonly compression?: 'on' | 'off' } = {}) {
    this.#repository = repository
    this.#compresses = options.compression === 'on'
  }

  /** A blob of a file, into the pack that is being filled unless it was stored before. */
  data(bytes: Uint8Array): Id {
    return this.#add('data', bytes, hash('sha256', bytes))
  }

  /** The same once more, though it is stored already: another copy. */
  copy(bytes: Uint8Array): Id {
    const id = hash('sha256', bytes)
    this.#waiting.push({ id, type: 'data', bytes })
    return id
  }

  /** A blob, well sealed, that has not the content that its id says. */
  lie(bytes: Uint8Array, instead: Uint8Array): Id {
    return this.#add('data', instead, hash('sha256', bytes))
  }

  /** A tree of these nodes in this order. */
  tree(nodes: readonly Node[]): Id {
    const bytes = Buffer.from(`{"nodes":[${nodes.map((one) => encodeNode(one)).join(',')}]}\n`)
    return this.#add('tree', bytes, hash('sha256', bytes))
  }

  file(name: string, contents: readonly (Uint8Array | string)[], changes: Partial<Node> = {}): Node {
    const blobs = contents.map((content) => (typeof content === 'string' ? Buffer.from(content) : content))
    const size = blobs.reduce((sum, { length }) => sum + length, 0)
    return { ...node('file', name, 0o644), size, content: blobs.map((bytes) => this.data(bytes)), ...changes }
  }

  directory(name: string, nodes: readonly Node[], changes: Partial<Node> = {}): Node {
    return { ...node('dir', name, 0o755), subtree: this.tree(nodes), ...changes }
  }

  symlink(name: string, linktarget: string, changes: Partial<Node> = {}): Node {
    return { ...node('symlink', name, 0o777), linktarget, ...changes }
  }

  /** Ends the pack that is being filled, and answers its name; trees and data go into packs of their own. */
  endPack(): Id[] {
    const ids: Id[] = []
    for (const type of ['data', 'tree'] as const) {
      const blobs = this.#waiting.filter((blob) => blob.type === type)
      if (blobs.length > 0) ids.push(this.#pack(blobs))
    }
    this.#waiting.length = 0
    return ids
  }

  /** Stores what waits, and an index of it all; the repository's own index knows it then. */
  async end(): Promise<void> {
    this.endPack()
    await Promise.all(this.#writing)
    await this.#repository.saveIndex(this.#packs, neverStopped())
    for (const { id, blobs } of this.#packs) this.#repository.index.settlePack(id, blobs)
    this.#packs.length = 0
  }

  #add(type: BlobType, bytes: Uint8Array, id: Id): Id {
    if (this.#known.has(type + id)) return id
    this.#known.add(type + id)
    this.#waiting.push({ id, type, bytes })
    return id
  }

  #pack(blobs: readonly WaitingBlob[]): Id {
    const room = blobs.reduce((sum, { bytes }) => sum + bytes.length + 200, 64 * 1024)
    const memory = new KernelMemory({ regionBytes: room })
    const sealer = new Sealer(memory, this.#repository.key, () => this.#repository.random(16))
    const builder = new PackBuilder(sealer, memory, memory.start, memory.end)
    for (const { id, type, bytes } of blobs) {
      const isCompressed = this.#compresses && bytes.length > 0
      builder.add({
        id,
        type,
        bytes: isCompressed ? zstdCompressSync(bytes) : bytes,
        uncompressedLength: isCompressed ? bytes.length : undefined,
      })
    }
    const pack = builder.finish()
    this.#packs.push({ id: pack.id, blobs: pack.blobs })
    const stored = Uint8Array.from(memory.bytes.subarray(pack.start, pack.end))
    this.#writing.push(this.#repository.savePack(pack.id, stored, neverStopped()))
    return pack.id
  }
}

/** A node with what every node has; of this user, so that an ordinary one may run the test too. */
export function node(type: NodeType, name: string, permissions: number): Node {
  return {
    name,
    type,
    mode: goMode(type, permissions),
    mtime: '2026-01-02T03:04:05.123456789Z',
    atime: '2026-01-02T03:04:05.123456789Z',
    uid: process.getuid!(),
    gid: process.getgid!(),
    content: null,
  }
}

import { hash } from 'node:crypto'
import { compareNames } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import { toHex } from '../../base/hex.ts'
import type { BlobType } from '../../model/blob.ts'
import type { Id } from '../../model/id.ts'
import type { Node, Tree } from '../../model/node.ts'
import { decodeTree, encodeTree } from '../../repository/tree-json.ts'
import type { BlobSizes, BlobSource, TreeSource } from './tree-source.ts'

/** A directory for tests: text is a file, an object a directory, a Node without its name anything else. */
export interface FakeDirectory {
  readonly [name: string]: string | FakeDirectory | FakeNode
}

/** A node as a test writes it. */
export class FakeNode {
  readonly node: Partial<Node>
  constructor(node: Partial<Node>) {
    this.node = node
  }
}

/** Blobs in memory with the promises that the verbs of this folder rely on: what is absent or damaged fails. */
export class FakeRepository implements TreeSource, BlobSource, BlobSizes {
  readonly #blobs: { readonly id: Id; readonly type: BlobType; readonly bytes: Uint8Array }[] = []
  treesLoaded = 0

  /** Stores a directory and answers its tree. */
  store(directory: FakeDirectory): Id {
    const nodes = Object.entries(directory).map(([name, value]): Node => {
      const common = { name, mtime: '2026-11-23T03:27:52Z', mode: 0o644, uid: 1000, gid: 1000, links: 1 }
      if (typeof value === 'string') return { ...common, type: 'file', ...this.#file(value) }
      if (value instanceof FakeNode) return { ...common, type: 'file', content: null, ...value.node }
      return { ...common, type: 'dir', mode: 0x8000_01ed, content: null, subtree: this.store(value) }
    })
    return this.#add('tree', encodeTree(nodes.toSorted((a, b) => compareNames(a.name, b.name))))
  }

  remove(id: Id): void {
    this.#blobs.splice(this.find(id, this.find(id, 'tree') >= 0 ? 'tree' : 'data'), 1)
  }

  async loadTree(id: Id, signal: AbortSignal): Promise<Tree> {
    this.treesLoaded++
    return decodeTree(await this.loadBlob(id, 'tree', signal))
  }

  async loadBlob(id: Id, type: BlobType, _signal: AbortSignal): Promise<Uint8Array> {
    const blob = this.#blobs[this.find(id, type)]
    if (blob === undefined) throw new Failure('object_missing', `Cannot load ${type} blob "${id}": no index names it`)
    return blob.bytes
  }

  find(id: Id | Uint8Array, type: BlobType): number {
    const text = typeof id === 'string' ? id : toHex(id)
    return this.#blobs.findIndex((blob) => blob.id === text && blob.type === type)
  }

  /** As if every blob were compressed to half its size. */
  length(entry: number): number {
    return Math.ceil(this.plaintextLength(entry) / 2) + 32
  }

  uncompressedLength(entry: number): number {
    return this.plaintextLength(entry)
  }

  plaintextLength(entry: number): number {
    return this.#blobs[entry]!.bytes.length
  }

  #file(content: string): Pick<Node, 'size' | 'content'> {
    if (content === '') return { size: 0, content: [] }
    // Two blobs a file, so that order and joints show.
    const bytes = Buffer.from(content)
    const middle = Math.ceil(bytes.length / 2)
    const pieces = [bytes.subarray(0, middle), bytes.subarray(middle)].filter((piece) => piece.length > 0)
    return { size: bytes.length, content: pieces.map((piece) => this.#add('data', piece)) }
  }

  #add(type: BlobType, bytes: Uint8Array): Id {
    const id = hash('sha256', bytes)
    if (this.find(id, type) < 0) this.#blobs.push({ id, type, bytes })
    return id
  }
}

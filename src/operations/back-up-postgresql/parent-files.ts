import type { ByteName } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import type { Node } from '../../model/node.ts'
import type { Repository } from '../../repository/repository.ts'
import { TreeReader } from '../tree-reader.ts'

/** A chunk of a file in the parent snapshot. */
export interface ParentChunk {
  readonly id: Id
  /** Where it begins in the file. */
  readonly offset: number
  readonly bytes: number
}

/** The files of a snapshot, by their paths in it. */
export class ParentFiles {
  readonly #repository: Repository
  readonly #trees: TreeReader
  readonly #root: Id
  readonly #signal: AbortSignal
  readonly #directories = new Map<ByteName, Promise<ReadonlyMap<ByteName, Node>>>()

  constructor(repository: Repository, tree: Id, signal: AbortSignal) {
    this.#repository = repository
    this.#trees = new TreeReader(repository)
    this.#root = tree
    this.#signal = signal
  }

  /** The chunks of a file in their order; undefined where there is no such file, or not all of its chunks are at hand. */
  async chunks(path: ByteName): Promise<readonly ParentChunk[] | undefined> {
    const node = await this.#node(path)
    if (node?.type !== 'file') return undefined
    const { index } = this.#repository
    const chunks: ParentChunk[] = []
    let offset = 0
    for (const id of node.content ?? []) {
      const entry = index.find(id, 'data')
      if (entry < 0) return undefined
      const bytes = index.plaintextLength(entry)
      chunks.push({ id, offset, bytes })
      offset += bytes
    }
    return offset === (node.size ?? 0) ? chunks : undefined
  }

  /** Content of a small file; undefined where there is none. */
  async read(path: ByteName, bytesMax: number): Promise<Buffer | undefined> {
    const chunks = await this.chunks(path)
    if (chunks === undefined) return undefined
    const parts: Uint8Array[] = []
    for (const { id, offset, bytes } of chunks) {
      if (offset + bytes > bytesMax) throw new Failure('repository_damaged', `Cannot read "${path}": it is too large`)
      parts.push(await this.load(id))
    }
    return Buffer.concat(parts)
  }

  async load(id: Id): Promise<Uint8Array> {
    return await this.#repository.loadBlob(id, 'data', this.#signal)
  }

  async #node(path: ByteName): Promise<Node | undefined> {
    const slash = path.lastIndexOf('/')
    const nodes = await this.#directory(slash < 0 ? '' : path.slice(0, slash))
    return nodes.get(path.slice(slash + 1))
  }

  #directory(path: ByteName): Promise<ReadonlyMap<ByteName, Node>> {
    const known = this.#directories.get(path)
    if (known !== undefined) return known
    const reading = this.#read(path)
    reading.catch(() => {}) // Whoever asked is told.
    this.#directories.set(path, reading)
    return reading
  }

  async #read(path: ByteName): Promise<ReadonlyMap<ByteName, Node>> {
    const tree = path === '' ? this.#root : (await this.#node(path))?.subtree
    if (tree === undefined) return new Map()
    const { nodes } = await this.#trees.tree(tree, this.#signal)
    return new Map(nodes.map((node) => [node.name, node]))
  }
}

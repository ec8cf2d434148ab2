import type { ByteName } from '../../base/byte-name.ts'
import { decodeName } from '../../base/byte-name.ts'
import type { TreeKernel } from '../../kernels/kernel-memory.ts'
import { readEntries, rewindEntries } from '../../posix/directory-entries.ts'
import { lastingAddressOf } from '../../posix/libc.ts'
import type { OwnerNames } from '../../posix/owner-names.ts'
import { statBytes, statRaw } from '../../posix/stat.ts'
import type { BlobIndex } from '../../repository/blob-index.ts'
import { encodeGoString } from '../../repository/go-json.ts'
import type { PendingDirectory } from './backup-job.ts'
import type { ReadWindow } from './store-content.ts'

/** A directory that is as its tree in the parent snapshot says, but for what lies in its subdirectories. */
export interface MatchedDirectory {
  readonly files: number
  /** Of its files together. */
  readonly bytes: number
  /** Where there are subdirectories: the JSON of every node in order, undefined for those. */
  readonly nodes: readonly (string | undefined)[]
  readonly directories: readonly PendingDirectory[]
}

/** Some thousand entries a call. */
const entriesBytes = 256 * 1024
/** Zeros behind the tree: no comparison goes past the first of them. */
const paddingBytes = 64
/** Answers of matchNode(). */
const isFile = 1
const isDirectory = 2
const isSymlink = 3
const needsOwner = 4
/** As long as the kernel has room for. */
const ownerBytesMax = 1024
/** An id in quotes and the comma behind it. */
const idBytes = 67

/**
 * Finds out whether a directory is still as its tree in the parent snapshot says, and that without listing it into
 * names, without sorting, and without making nodes: of each name that the tree holds the system is asked, and the
 * kernel compares its answer with the tree's own bytes. As many entries as nodes, and each node found: then nothing is
 * new either. It gives up at the first thing that differs or is unusual, and the directory is compared the long way.
 *
 * The same must count as unchanged here as there (ParentTree): a test compares both.
 */
export class TreeMatcher {
  readonly #kernel: TreeKernel
  readonly #window: ReadWindow
  readonly #index: BlobIndex
  readonly #owners: OwnerNames
  readonly #entries: Uint8Array
  readonly #statAt: number
  readonly #treeAt: number
  readonly #stat: Uint32Array
  readonly #found: Uint32Array
  readonly #id: Uint8Array
  /** Where the kernel's memory lies, for the system. It never moves. */
  readonly #address: number

  /** The window's memory is used as scratch. */
  constructor(window: ReadWindow, index: BlobIndex, owners: OwnerNames) {
    const { memory, start } = window
    this.#kernel = memory.trees
    this.#window = window
    this.#index = index
    this.#owners = owners
    this.#entries = memory.view(start, start + entriesBytes)
    this.#statAt = start + entriesBytes
    this.#treeAt = this.#statAt + statBytes
    this.#stat = new Uint32Array(memory.buffer, this.#statAt, statBytes / 4)
    this.#found = new Uint32Array(memory.buffer, this.#kernel.matchFoundAt(), 5)
    const idAt = this.#kernel.matchIdAt()
    this.#id = memory.view(idAt, idAt + 32)
    this.#address = lastingAddressOf(memory.bytes)
  }

  /**
   * The open directory, where it is as `tree`, the JSON of its tree, says. Undefined where it may not be; the
   * descriptor stands at the first entry again then. Throws SystemError where the directory can not be read.
   */
  match(fd: number, tree: Buffer): MatchedDirectory | undefined {
    const matched = this.#match(fd, tree)
    if (matched === undefined) rewindEntries(fd)
    return matched
  }

  #match(fd: number, tree: Buffer): MatchedDirectory | undefined {
    const kernel = this.#kernel
    const { memory, end } = this.#window
    const treeEnd = this.#treeAt + tree.length
    if (treeEnd + paddingBytes > end) return undefined
    memory.bytes.set(tree, this.#treeAt)
    memory.bytes.fill(0, treeEnd, treeEnd + paddingBytes)
    if (kernel.beginTree(this.#treeAt, treeEnd) === 0) return undefined
    const entries = this.#countEntries(fd)
    const places: number[] = []
    const directories: PendingDirectory[] = []
    let [nodes, files, bytes] = [0, 0, 0]
    for (let name: number; (name = kernel.nextName()) !== 0; nodes++) {
      if (name === 1 || nodes === entries) return undefined
      const kind = this.#kindOf(fd, name)
      if (kind === isFile) {
        if (!this.#hasContent()) return undefined
        files++
        bytes += this.#stat[11]! * 0x1_0000_0000 + this.#stat[10]!
      } else if (kind === isDirectory) {
        const directory = this.#directory(nodes, tree)
        if (directory === undefined) return undefined
        directories.push(directory)
      } else if (kind !== isSymlink) {
        return undefined
      }
      places.push(kind === isDirectory ? -1 : this.#found[0]!, this.#found[1]!)
    }
    if (nodes !== entries) return undefined
    return { files, bytes, nodes: directories.length === 0 ? [] : this.#nodesAt(places, tree), directories }
  }

  #countEntries(fd: number): number {
    const at = this.#window.start
    let entries = 0
    for (let filled: number; (filled = readEntries(fd, this.#entries)) > 0; ) {
      entries += this.#kernel.countEntries(at, at + filled)
    }
    return entries
  }

  /** What the node at hand is, where it is as before. */
  #kindOf(fd: number, name: number): number {
    const kernel = this.#kernel
    if (!statRaw(fd, this.#address + name, this.#address + this.#statAt)) return 0
    const kind = kernel.matchNode(this.#statAt)
    if (kind !== needsOwner) return kind
    return this.#setOwner(this.#stat[5]!, this.#stat[6]!) ? kernel.matchNode(this.#statAt) : 0
  }

  #setOwner(uid: number, gid: number): boolean {
    const [user, group] = [this.#owners.user(uid), this.#owners.group(gid)]
    const text =
      (user === '' ? '' : `,"user":${encodeGoString(user)}`) + (group === '' ? '' : `,"group":${encodeGoString(group)}`)
    const bytes = Buffer.from(text, 'utf8')
    if (bytes.length > ownerBytesMax) return false
    this.#window.memory.bytes.set(bytes, this.#kernel.matchOwnerAt())
    this.#kernel.setOwner(uid, gid, bytes.length)
    return true
  }

  /** Whether the repository has all blobs of the node at hand. */
  #hasContent(): boolean {
    const [start, end] = [this.#found[2]!, this.#found[3]!]
    if (start === end) return true
    if ((end + 1 - start) % idBytes !== 0) return false
    for (let at = start; at < end; at += idBytes) {
      if (this.#kernel.readId(at + 1) === 0 || this.#index.find(this.#id, 'data') < 0) return false
    }
    return true
  }

  #directory(at: number, tree: Buffer): PendingDirectory | undefined {
    const [start, , content, , subtree] = this.#found
    if (subtree === 0) return undefined
    const from = start! - this.#treeAt
    const nodeBeginning = tree.toString('utf8', from, content! - '"content":'.length - this.#treeAt)
    return {
      at,
      name: nameOf(nodeBeginning),
      nodeBeginning,
      parentSubtree: tree.toString('latin1', subtree! - this.#treeAt, subtree! + 64 - this.#treeAt),
      isUnchanged: true,
      isExcluded: false,
    }
  }

  /** The nodes between these places; undefined where the first of the two is -1. */
  #nodesAt(places: readonly number[], tree: Buffer): (string | undefined)[] {
    const nodes: (string | undefined)[] = []
    for (let at = 0; at < places.length; at += 2) {
      const [start, end] = [places[at]!, places[at + 1]!]
      nodes.push(start < 0 ? undefined : tree.toString('utf8', start - this.#treeAt, end - this.#treeAt))
    }
    return nodes
  }
}

/** The kernel takes no name with an escape, so it stands in its node as it is. */
function nameOf(nodeBeginning: string): ByteName {
  const start = '{"name":"'.length
  return decodeName(Buffer.from(nodeBeginning.slice(start, nodeBeginning.indexOf('"', start)), 'utf8'))
}

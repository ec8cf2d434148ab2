import { type ByteName, compareNames } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import { goMode } from '../../model/file-mode.ts'
import { formatGoTime } from '../../model/go-time.ts'
import type { Id } from '../../model/id.ts'
import type { Node } from '../../model/node.ts'
import { encodeNode } from '../../repository/node-json.ts'
import type { EntryMetadata } from '../../sources/entry-sink.ts'
import type { StreamFile } from './stream-file.ts'

/** A directory whose entries arrive in any order. */
export interface StreamDirectory {
  readonly name: ByteName
  metadata: EntryMetadata | undefined
  /** JSON of the nodes that are not directories, by name. */
  readonly nodes: Map<ByteName, string>
  readonly directories: Map<ByteName, StreamDirectory>
}

/** The tree of a snapshot while its entries arrive from a stream. */
export class StreamTree {
  readonly root: StreamDirectory = emptyDirectory('')

  directory(path: ByteName, metadata: EntryMetadata): void {
    this.#directoryAt(path).metadata = metadata
  }

  file(file: StreamFile): void {
    this.#add(file.path, {
      ...commonOf(file.path, 'file', file.metadata),
      size: file.size,
      links: 1,
      content: file.ids,
    })
  }

  symlink(path: ByteName, metadata: EntryMetadata, target: ByteName): void {
    this.#add(path, { ...commonOf(path, 'symlink', metadata), links: 1, linktarget: target, content: null })
  }

  #add(path: ByteName, node: Node): void {
    const parent = this.#directoryAt(path.slice(0, Math.max(0, path.lastIndexOf('/'))))
    if (parent.nodes.has(node.name) || parent.directories.has(node.name)) {
      throw new Failure('defect', `Cannot back up a stream: it has "${path}" twice`)
    }
    parent.nodes.set(node.name, encodeNode(node))
  }

  #directoryAt(path: ByteName): StreamDirectory {
    let directory = this.root
    if (path === '') return directory
    for (const name of path.split('/')) {
      if (name === '' || name === '.' || name === '..')
        throw new Failure('defect', `Cannot back up a stream: "${path}" is no relative path`)
      let next = directory.directories.get(name)
      if (next === undefined) directory.directories.set(name, (next = emptyDirectory(name)))
      directory = next
    }
    return directory
  }
}

/** The nodes of a directory in their order, once the trees of those below it are known. */
export function directoryNodes(
  directory: StreamDirectory,
  subtrees: ReadonlyMap<ByteName, Id>,
  fallback: EntryMetadata,
): string[] {
  const nodes: [ByteName, string][] = [...directory.nodes]
  for (const [name, { metadata }] of directory.directories) {
    const common = commonOf(name, 'dir', metadata ?? fallback)
    nodes.push([name, encodeNode({ ...common, content: null, subtree: subtrees.get(name)! })])
  }
  return nodes.sort(([a], [b]) => compareNames(a, b)).map(([, node]) => node)
}

function emptyDirectory(name: ByteName): StreamDirectory {
  return { name, metadata: undefined, nodes: new Map(), directories: new Map() }
}

function commonOf(path: ByteName, type: 'file' | 'dir' | 'symlink', metadata: EntryMetadata): Omit<Node, 'content'> {
  const { uid, gid, user, group } = metadata
  const time = formatGoTime(metadata.mtime, 0)
  return {
    name: path.slice(path.lastIndexOf('/') + 1),
    type,
    mode: goMode(type, metadata.mode),
    mtime: time,
    atime: time,
    ctime: time,
    uid,
    gid,
    ...(user !== undefined && user !== '' && { user }),
    ...(group !== undefined && group !== '' && { group }),
  }
}

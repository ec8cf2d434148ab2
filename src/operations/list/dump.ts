import type { ByteName } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import { findPath } from './find-path.ts'
import { readContent } from './read-content.ts'
import { tarArchive } from './tar-archive.ts'
import type { BlobSource, TreeSource } from './tree-source.ts'
import { type WalkEvent, walkTree } from './walk-tree.ts'
import { zipArchive } from './zip-archive.ts'

/** How a directory is written. */
export const archiveFormats = ['tar', 'zip'] as const
export type ArchiveFormat = (typeof archiveFormats)[number]

/** What `dump` gives. An archive should not go to a terminal. */
export interface Dump {
  readonly kind: 'file' | 'archive'
  /** To be read once. Damage is thrown from here. */
  readonly chunks: AsyncIterable<Uint8Array>
}

/** A node of an archive, by its path within it. */
export type ArchiveEntry = WalkEvent & { readonly kind: 'node' }

/**
 * The content of the file at `path`, or an archive of the directory there; paths in it are those of the snapshot.
 * Failure `path_missing` where there is nothing, or neither a file nor a directory.
 */
export async function dump(
  source: TreeSource & BlobSource,
  request: { readonly treeId: Id; readonly path: ByteName; readonly format: ArchiveFormat },
  signal: AbortSignal,
): Promise<Dump> {
  const found = await findPath(source, request.treeId, request.path, signal)
  if (found.kind === 'node' && found.node.type === 'file') {
    return { kind: 'file', chunks: readContent(source, found.node, signal) }
  }
  const archive = request.format === 'tar' ? tarArchive : zipArchive
  if (found.kind === 'root') {
    return { kind: 'archive', chunks: archive(source, entriesBelow(source, found.treeId, '/', signal), signal) }
  }
  const { node, path } = found
  if (node.type !== 'dir' || node.subtree === undefined) {
    throw new Failure('path_missing', `Cannot dump "${path}": it is a ${node.type}, expected a file or a directory`)
  }
  const entries = entriesBelow(source, node.subtree, path, signal)
  return { kind: 'archive', chunks: archive(source, entries, signal) }
}

async function* entriesBelow(
  source: TreeSource,
  treeId: Id,
  rootPath: ByteName,
  signal: AbortSignal,
): AsyncGenerator<ArchiveEntry, void, undefined> {
  for await (const event of walkTree(source, treeId, { rootPath }, signal)) {
    if (event.kind === 'damaged') throw event.failure
    if (event.kind === 'node') yield event
  }
}

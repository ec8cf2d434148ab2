import type { ByteName } from '../../base/byte-name.ts'
import type { Node } from '../../model/node.ts'
import type { ArchiveEntry } from './dump.ts'
import { readContent } from './read-content.ts'
import { tarHeader } from './tar-header.ts'
import type { BlobSource } from './tree-source.ts'

const blockBytes = 512

/**
 * A tar archive (POSIX pax) of these entries: files, directories, symlinks, fifos and devices, with times to the
 * nanosecond, extended attributes and ACLs. Hard links are written as files of their own, as restic does. Sockets
 * and irregular nodes have no form in tar and are left out.
 */
export async function* tarArchive(
  source: BlobSource,
  entries: AsyncIterable<ArchiveEntry>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { path, node } of entries) {
    const header = tarHeader(nameInArchive(path, node), node)
    if (header === undefined) continue
    yield header
    if (node.type !== 'file') continue
    yield* readContent(source, node, signal)
    const rest = (node.size ?? 0) % blockBytes
    if (rest > 0) yield Buffer.alloc(blockBytes - rest)
  }
  yield Buffer.alloc(2 * blockBytes)
}

/** Paths in archives are relative, and those of directories end with a slash. */
export function nameInArchive(path: ByteName, node: Node): ByteName {
  return node.type === 'dir' ? `${path.slice(1)}/` : path.slice(1)
}

import { throwIfStopped } from '../../base/abort.ts'
import { printableName } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import type { Node } from '../../model/node.ts'
import type { BlobSource } from './tree-source.ts'

/** Blobs that are on their way at a time; one is 8 MiB at most, so this bounds memory too. */
const blobsAheadMax = 6

/**
 * The content of a file, piece by piece. Failure `repository_damaged` at the end where the pieces are not as long
 * together as the node says.
 */
export async function* readContent(
  source: BlobSource,
  node: Node,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const ids = node.content ?? []
  const loading: Promise<Uint8Array>[] = []
  let bytes = 0
  for (let next = 0; next < ids.length || loading.length > 0; ) {
    throwIfStopped(signal)
    for (; next < ids.length && loading.length < blobsAheadMax; next++) {
      const load = source.loadBlob(ids[next]!, 'data', signal)
      load.catch(() => {}) // Its turn comes below; until then Node must not call it unhandled.
      loading.push(load)
    }
    const piece = await loading.shift()!
    bytes += piece.length
    yield piece
  }
  if (bytes !== (node.size ?? 0)) {
    const name = printableName(node.name)
    throw new Failure(
      'repository_damaged',
      `Cannot read file "${name}": it has ${bytes} bytes, expected ${node.size ?? 0}`,
    )
  }
}

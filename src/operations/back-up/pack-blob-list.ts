import type { PackedBlob } from '../../model/blob.ts'
import type { FinishedPack } from '../../repository/pack-builder.ts'
import type { PackReady } from './backup-job.ts'

/** The list of a pack's blobs in few large values: a message with an object for each would cost more than sealing small ones does. */
type BlobList = Pick<PackReady, 'type' | 'ids' | 'lengths'>

/** The finished pack with its blobs listed so. They are all of one type. */
export function packBlobList({ blobs, ...pack }: FinishedPack): Omit<FinishedPack, 'blobs'> & BlobList {
  const lengths = new Uint32Array(2 * blobs.length)
  for (const [at, { length, uncompressedLength }] of blobs.entries()) {
    lengths[2 * at] = length
    lengths[2 * at + 1] = uncompressedLength ?? 0
  }
  return { ...pack, type: blobs[0]!.type, ids: blobs.map((blob) => blob.id).join(''), lengths }
}

/** The blobs again: they lie side by side from the pack's beginning on. */
export function unpackBlobList({ type, ids, lengths }: BlobList): PackedBlob[] {
  const blobs: PackedBlob[] = []
  let offset = 0
  for (let at = 0; at < lengths.length; at += 2) {
    const length = lengths[at]!
    const uncompressedLength = lengths[at + 1]! || undefined
    blobs.push({ id: ids.slice(at * 32, at * 32 + 64), type, offset, length, uncompressedLength })
    offset += length
  }
  return blobs
}

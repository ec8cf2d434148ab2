import { Failure, isFailure } from '../base/failure.ts'
import type { PackedBlob } from '../model/blob.ts'
import type { Id } from '../model/id.ts'
import type { Storage } from '../storage/storage.ts'
import { describeObject, packObjectName } from './object-kind.ts'
import { decodePackHeader, locatePackHeader, packTailBytes } from './pack-header.ts'

export interface PackToRead {
  readonly storage: Pick<Storage, 'get'>
  /** Opens a sealed header. */
  readonly open: (sealed: Uint8Array) => Uint8Array
  readonly id: Id
  /** Bytes of the whole pack. */
  readonly size: number
}

/** The blobs that a pack's own header lists. Failure `repository_damaged` where they do not fill the pack exactly. */
export async function readPackHeader(pack: PackToRead, signal: AbortSignal): Promise<PackedBlob[]> {
  const { storage, open, id, size } = pack
  const what = describeObject('data', id)
  const objectName = packObjectName(id)
  const tailLength = Math.min(size, packTailBytes)
  const tail = await storage.get(objectName, { range: { offset: size - tailLength, length: tailLength } }, signal)
  const { start, end } = locatePackHeader(tail, size, what)
  const tailStart = size - tailLength
  const sealed =
    start >= tailStart
      ? tail.subarray(start - tailStart, end - tailStart)
      : await storage.get(objectName, { range: { offset: start, length: end - start } }, signal)
  const blobs = decodePackHeader(openHeader(open, sealed, what), what)
  const last = blobs.at(-1)
  const blobsEnd = last === undefined ? 0 : last.offset + last.length
  if (blobsEnd !== start) {
    throw new Failure(
      'repository_damaged',
      `Cannot read the header of ${what}: its blobs end at ${blobsEnd}, expected ${start}`,
    )
  }
  return blobs
}

function openHeader(open: PackToRead['open'], sealed: Uint8Array, what: string): Uint8Array {
  try {
    return open(sealed)
  } catch (error) {
    if (!isFailure(error, 'repository_damaged')) throw error
    throw new Failure(error.code, `Cannot read the header of ${what}: its seal is broken`, { cause: error })
  }
}

import { makeHole } from '../../posix/file-space.ts'
import { writeAt } from '../../posix/write.ts'

/** File systems keep room in blocks of this size or larger. */
const blockBytes = 4096
const zeros = Buffer.alloc(blockBytes)

/**
 * Writes `bytes` at `offset` of an open file, but leaves out blocks of zeros, which take no room on disk then. In a
 * `fresh` file, where nothing was written yet, they are skipped; in another they are punched out. The caller sets the
 * file's length (see setLength()): skipped zeros at the end do not. Answers the bytes left out. Throws SystemError.
 */
export function writeSparse(
  fd: number,
  bytes: Uint8Array,
  offset: number,
  file: 'fresh' | 'written',
): { readonly skippedBytes: number } {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let skippedBytes = 0
  for (let at = 0; at < view.length; ) {
    const zerosEnd = endOfZeros(view, at, offset)
    if (zerosEnd > at) {
      if (file === 'fresh' || makeHole(fd, offset + at, zerosEnd - at)) skippedBytes += zerosEnd - at
      else writeAt(fd, bytes.subarray(at, zerosEnd), offset + at)
      at = zerosEnd
    }
    const dataEnd = endOfData(view, at, offset)
    if (dataEnd > at) writeAt(fd, bytes.subarray(at, dataEnd), offset + at)
    at = dataEnd
  }
  return { skippedBytes }
}

/** End of the whole blocks of zeros that begin at `at`: `at` itself where there is none. */
function endOfZeros(bytes: Buffer, at: number, offset: number): number {
  let end = at
  if ((offset + end) % blockBytes !== 0) return at
  while (end + blockBytes <= bytes.length && isZeroBlock(bytes, end)) end += blockBytes
  return end
}

/** Start of the next whole block of zeros after `at`, or the end. */
function endOfData(bytes: Buffer, at: number, offset: number): number {
  const misaligned = (offset + at) % blockBytes
  let end = misaligned === 0 ? at : at + blockBytes - misaligned
  while (end + blockBytes <= bytes.length && !isZeroBlock(bytes, end)) end += blockBytes
  return end + blockBytes <= bytes.length ? end : bytes.length
}

function isZeroBlock(bytes: Buffer, at: number): boolean {
  // Most blocks of data show themselves by their first byte.
  return bytes[at] === 0 && bytes.compare(zeros, 0, blockBytes, at, at + blockBytes) === 0
}

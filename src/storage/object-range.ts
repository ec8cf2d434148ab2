import { Failure } from '../base/failure.ts'
import type { GetOptions } from './storage.ts'

/**
 * No object of a repository comes near this size, bytes (restic's packs end at 128 MiB and one blob). An object that claims
 * more, e.g. a sparse file of terabytes, is damaged or planted, and must not take the memory of who looks at it.
 */
export const objectBytesMax = 2 ** 31 - 2 ** 20

/** Where the wanted bytes of an object lie: all of it, or its range. Failure `repository_damaged` where it is shorter, or too large to read. */
export function wantedBytes(
  objectName: string,
  size: number,
  range: GetOptions['range'],
): { readonly offset: number; readonly length: number } {
  if ((range?.length ?? size) > objectBytesMax) throw objectTooLarge(objectName, range?.length ?? size)
  if (range === undefined) return { offset: 0, length: size }
  if (range.offset + range.length > size) throw objectTooShort(objectName, size, range)
  return range
}

/** The Failure of a range that reaches past the object's end. */
export function objectTooShort(objectName: string, size: number, range: NonNullable<GetOptions['range']>): Failure {
  const wanted = range.offset + range.length
  return new Failure(
    'repository_damaged',
    `Cannot read object "${objectName}": it has ${size} bytes, expected ${wanted} or more`,
    { facts: { objectName, size, wanted } },
  )
}

function objectTooLarge(objectName: string, size: number): Failure {
  return new Failure(
    'repository_damaged',
    `Cannot read object "${objectName}": it has ${size} bytes, expected at most ${objectBytesMax}`,
    { facts: { objectName, size } },
  )
}

/** Room for `length` bytes: the front of `into` where that is long enough, else fresh memory that nothing shares. */
export function roomFor(length: number, into: Uint8Array | undefined): Uint8Array {
  return into !== undefined && into.length >= length ? into.subarray(0, length) : Buffer.allocUnsafeSlow(length)
}

/** The Failure of an object that is not there. */
export function objectMissing(objectName: string, storageName: string, cause?: unknown): Failure {
  return new Failure(
    'object_missing',
    `Cannot read object "${objectName}" in storage "${storageName}": it is not there`,
    {
      facts: { objectName, storageName },
      cause,
    },
  )
}

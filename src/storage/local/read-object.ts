import { closeSync, constants, fstat, open, read } from 'node:fs'
import { promisify } from 'node:util'
import { throwIfStopped } from '../../base/abort.ts'
import { Failure } from '../../base/failure.ts'
import { objectTooShort, roomFor, wantedBytes } from '../object-range.ts'
import type { GetOptions } from '../storage.ts'

/** Bytes asked of one read call, so that a stop is heard soon. */
const readBytesMax = 8 * 1024 * 1024

// Plain descriptors: a FileHandle costs as much again as the reading of a small range.
const openFile = promisify(open)
const statFile = promisify(fstat)

/** Reads an object's file, or a range of it. System errors pass as they are. */
export async function readObject(
  path: string,
  objectName: string,
  { range, into }: GetOptions,
  signal: AbortSignal,
): Promise<Uint8Array> {
  // Not blocking, so that a fifo that somebody laid in the folder can not hold us up.
  const file = await openFile(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    // Reading finds out whether a range goes past the end, but for an empty one.
    const size = range === undefined || range.length === 0 ? await fileSize(file, objectName) : Infinity
    const { offset, length } = wantedBytes(objectName, size, range)
    const answer = roomFor(length, into)
    for (let at = 0; at < length; ) {
      throwIfStopped(signal)
      const bytesRead = await readSome(file, answer, at, Math.min(readBytesMax, length - at), offset + at)
      if (bytesRead === 0) throw objectTooShort(objectName, await fileSize(file, objectName), { offset, length })
      at += bytesRead
    }
    throwIfStopped(signal)
    return answer
  } finally {
    closeSync(file) // Nothing was written, so that closing has nothing to wait for.
  }
}

function readSome(file: number, into: Uint8Array, at: number, length: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(file, into, at, length, position, (error, bytesRead) => {
      if (error === null) resolve(bytesRead)
      else reject(error)
    })
  })
}

async function fileSize(file: number, objectName: string): Promise<number> {
  const stats = await statFile(file)
  if (stats.isFile()) return stats.size
  throw new Failure('repository_damaged', `Cannot read object "${objectName}": it is not a regular file`, {
    facts: { objectName },
  })
}

import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { throwIfStopped } from '../../base/abort.ts'
import { Failure } from '../../base/failure.ts'
import { objectTooShort, roomFor } from '../object-range.ts'
import type { GetOptions } from '../storage.ts'

/** Bytes asked of one read call, so that a stop is heard soon. */
const readBytesMax = 8 * 1024 * 1024

/** Reads an object's file, or a range of it. System errors pass as they are. */
export async function readObject(
  path: string,
  objectName: string,
  { range, into }: GetOptions,
  signal: AbortSignal,
): Promise<Uint8Array> {
  // Not blocking, so that a fifo that somebody laid in the folder can not hold us up.
  await using handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const { offset, length } = range ?? { offset: 0, length: await fileSize(handle, objectName) }
  const answer = roomFor(length, into)
  for (let at = 0; at < length; ) {
    throwIfStopped(signal)
    const { bytesRead } = await handle.read(answer, at, Math.min(readBytesMax, length - at), offset + at)
    if (bytesRead === 0) throw objectTooShort(objectName, await fileSize(handle, objectName), { offset, length })
    at += bytesRead
  }
  throwIfStopped(signal)
  return answer
}

async function fileSize(handle: FileHandle, objectName: string): Promise<number> {
  const stats = await handle.stat()
  if (stats.isFile()) return stats.size
  throw new Failure('repository_damaged', `Cannot read object "${objectName}": it is not a regular file`, {
    facts: { objectName },
  })
}

import { readFile } from 'node:fs/promises'
import { errorCode } from '../../base/error-code.ts'
import { Failure } from '../../base/failure.ts'

/** Nobody writes a password, a place or a list of patterns longer than this. */
const textBytesMax = 16 * 1024 * 1024

/**
 * The text of a small file that the user named: UTF-8 with or without a byte order mark, or UTF-16 with one, as
 * Windows editors write it. `what` is its role, for messages: "password file".
 */
export async function readTextFile(path: string, what: string, signal: AbortSignal): Promise<string> {
  let bytes: Buffer
  try {
    bytes = await readFile(path, { signal })
  } catch (cause) {
    const found = errorCode(cause) === 'ENOENT' ? 'there is no such file' : 'it can not be read'
    throw new Failure('usage', `Cannot read ${what} "${path}": ${found}`, { cause })
  }
  if (bytes.length > textBytesMax) {
    throw new Failure(
      'usage',
      `Cannot read ${what} "${path}": it has ${bytes.length} bytes, expected at most ${textBytesMax}`,
    )
  }
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes)
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16le').decode(bytes.swap16())
  return new TextDecoder('utf-8').decode(bytes)
}

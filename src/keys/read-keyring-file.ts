import { constants } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { errorCode } from '../base/error-code.ts'
import { Failure, isFailure } from '../base/failure.ts'
import { fileTrouble } from './file-trouble.ts'
import { decodeKeyringFile, keyringBytesMax, keyringDamaged, type KeyringFile } from './keyring-file.ts'
import { realPlace } from './real-place.ts'

export interface ReadKeyring extends KeyringFile {
  readonly bytes: Buffer
}

/** The keyring's file behind symlinks, there or not yet: its folder is where the keyring lives and is written. */
export async function realKeyringPath(path: string): Promise<string> {
  return (await realPlace(path)).path
}

/** Reads a keyring's file; undefined where there is none. Failures `keyring_damaged`, storage codes. */
export async function readKeyringIfPresent(file: string): Promise<ReadKeyring | undefined> {
  const bytes = await readIfPresent(file)
  if (bytes === undefined) return undefined
  const what = `keyring "${file}"`
  try {
    return { bytes, ...decodeKeyringFile(bytes, what) }
  } catch (error) {
    // A writer overwrites the old file's bytes once the new one has its name: we may have read into that.
    const again = isFailure(error, 'keyring_damaged') ? await readIfPresent(file) : undefined
    if (again === undefined || again.equals(bytes)) throw error
    return { bytes: again, ...decodeKeyringFile(again, what) }
  }
}

/** The same; Failure `keyring_missing`, which says what is needed to go on, where there is none. */
export async function readKeyring(file: string): Promise<ReadKeyring> {
  const found = await readKeyringIfPresent(file)
  if (found !== undefined) return found
  const previous = `${file}.previous`
  const hint = (await exists(previous))
    ? `"${previous}" holds the version before its last change: copy it to "${file}" if no better copy is at hand`
    : `Put it back from its own copy, or make it anew: \`keys import FILE\` from an export, \`keys import --share FILE …\` from the recovery kit`
  throw new Failure('keyring_missing', `Cannot open keyring "${file}": there is no such file`, { facts: { hint } })
}

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false
    throw fileTrouble(error, 'look for', path)
  }
}

async function readIfPresent(file: string): Promise<Buffer | undefined> {
  try {
    return await readKeyringBytes(file)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw fileTrouble(error, 'read keyring', file)
  }
}

/** The bytes of a keyring's file or of an export, but not more than one can have. System errors pass as they are. */
export async function readKeyringBytes(path: string): Promise<Buffer> {
  // Of a fifo an ordinary open would wait for a writer.
  await using handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const stats = await handle.stat()
  if (!stats.isFile()) throw keyringDamaged(`keyring "${path}"`, 'it is no regular file')
  const bytes = Buffer.alloc(keyringBytesMax + 1)
  let length = 0
  for (;;) {
    const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length)
    length += bytesRead
    if (bytesRead === 0 || length === bytes.length) return bytes.subarray(0, length)
  }
}

import { readFile, realpath, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { errorCode } from '../base/error-code.ts'
import { Failure, isFailure } from '../base/failure.ts'
import { fileTrouble } from './file-trouble.ts'
import { decodeKeyringFile, type KeyringFile } from './keyring-file.ts'

export interface ReadKeyring extends KeyringFile {
  readonly bytes: Buffer
}

/** The keyring's file behind symlinks: its folder is where the keyring lives and is written. */
export async function realKeyringPath(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return resolve(path)
    throw fileTrouble(error, 'find keyring', path)
  }
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
    : `Put it back from its own copy, or make it from an export with \`keys import FILE\`, or from the recovery kit`
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
    return await readFile(file)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw fileTrouble(error, 'read keyring', file)
  }
}

import { open, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileTrouble } from './file-trouble.ts'
import { syncFolder } from './sync-folder.ts'

/** A file that only its owner may read. */
export const privateFileMode = 0o600

/**
 * Writes a file that is not there yet, of mode 0600; durable when it resolves. What was written of it is removed where
 * that fails. Failure `refused` where the path is taken. `what` is its role: "key file".
 */
export async function writeNewFile(path: string, bytes: Uint8Array, what: string): Promise<void> {
  try {
    await writeSynced(path, bytes)
    await syncFolder(dirname(path))
  } catch (error) {
    throw fileTrouble(error, `write ${what}`, path)
  }
}

/** The same without the folder's sync; system errors pass as they are. */
export async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, 'wx', privateFileMode)
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } catch (error) {
    await unlink(path).catch(() => {}) // The first error is the one to tell.
    throw error
  } finally {
    await handle.close()
  }
}

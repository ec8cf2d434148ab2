import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { throwIfStopped } from '../../base/abort.ts'
import { errorCode } from '../../base/error-code.ts'
import { isObjectName, requirePrefix } from '../object-name.ts'
import type { StoredObject } from '../storage.ts'
import type { LocalFolder } from './local-folder.ts'
import { isUnfinished } from './unfinished.ts'

/** Sizes asked for at once: enough to keep the thread pool busy. */
const sizesAtOnceMax = 64

/** Folders inside each other that are looked into; restic's layout has two. */
const depthMax = 8

/** What a listing sees, and whom it tells of unfinished files. */
export interface Listing {
  readonly folder: LocalFolder
  readonly prefix: string
  readonly signal: AbortSignal
  /** Called with the path of each unfinished file. */
  readonly onUnfinished: (path: string) => Promise<void>
}

/** The objects whose names begin with the prefix, folder by folder. System errors pass as they are. */
export async function* listObjects(listing: Listing): AsyncGenerator<StoredObject> {
  requirePrefix(listing.prefix)
  const folderName = listing.prefix.slice(0, listing.prefix.lastIndexOf('/') + 1)
  yield* listFolder(listing, folderName, 0)
}

/** `folderName` is '' or ends with a slash. A folder that is not there holds nothing. */
async function* listFolder(listing: Listing, folderName: string, depth: number): AsyncGenerator<StoredObject> {
  throwIfStopped(listing.signal)
  const entries = await readFolder(listing.folder, folderName)
  const files: string[] = []
  const folders: string[] = []
  for (const entry of entries) {
    const name = folderName + entry.name
    if (isUnfinished(entry.name)) await listing.onUnfinished(join(listing.folder.path, name))
    else if (!isObjectName(name)) continue
    else if (entry.isDirectory()) folders.push(`${name}/`)
    else if (name.startsWith(listing.prefix)) files.push(name)
  }
  for (let at = 0; at < files.length; at += sizesAtOnceMax) {
    throwIfStopped(listing.signal)
    const batch = files.slice(at, at + sizesAtOnceMax)
    const sizes = await Promise.all(batch.map((name) => fileSize(join(listing.folder.path, name))))
    for (const [index, size] of sizes.entries()) if (size !== undefined) yield { objectName: batch[index]!, size }
  }
  for (const name of folders) {
    const within = name.startsWith(listing.prefix) || listing.prefix.startsWith(name)
    if (within && depth < depthMax) yield* listFolder(listing, name, depth + 1)
  }
}

async function readFolder(folder: LocalFolder, folderName: string) {
  try {
    return await readdir(join(folder.path, folderName), { withFileTypes: true })
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    // An empty answer for a storage that is not mounted would look like the loss of everything.
    await folder.requirePresent()
    return []
  }
}

/** Size of a regular file, or of the one that a symlink leads to; undefined where it is gone or something else. */
export async function fileSize(path: string): Promise<number | undefined> {
  try {
    const stats = await stat(path)
    return stats.isFile() ? stats.size : undefined
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

import { readdir, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { type ByteName, decodeName, encodeName } from '../../base/byte-name.ts'
import { throwIfStopped } from '../../base/abort.ts'

/** Folders that a drill made: what lies in them is no production, by whatever path it is reached. */
export interface OwnFolders {
  /** Without links in them. */
  readonly paths: readonly string[]
  /** Device and number of each: it may be mounted elsewhere too. */
  readonly identities: ReadonlySet<string>
}

/** So many entries are looked at before a place is taken for empty. */
const entriesMax = 100_000

export async function foldersAt(folders: readonly string[]): Promise<OwnFolders> {
  const paths: string[] = []
  const identities = new Set<string>()
  for (const folder of folders) {
    try {
      paths.push(await realpath(folder))
      identities.add(await identityOf(folder))
    } catch {
      // What is not there holds nothing.
    }
  }
  return { paths, identities }
}

/**
 * Whether a file with content is at a path or below it, outside of these folders: folders alone, such as those that a fresh
 * machine makes, are no data. False too where it can not be looked at.
 */
export async function holdsContent(path: ByteName, own: OwnFolders, signal: AbortSignal): Promise<boolean> {
  const folders: ByteName[] = []
  let entries = 0
  const hasContent = async (place: ByteName): Promise<boolean> => {
    const found = await stat(encodeName(place)).catch(() => undefined) // A link that leads nowhere is nothing either.
    if (found?.isDirectory() === true) folders.push(place)
    return found?.isFile() === true && found.size > 0
  }
  try {
    const real = await realpath(encodeName(path))
    if (own.paths.some((one) => real === one || real.startsWith(`${one}${sep}`))) return false
    if (await hasContent(path)) return true
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      throwIfStopped(signal)
      if (own.identities.has(await identityOf(folder))) continue
      for (const entry of await readdir(encodeName(folder), { withFileTypes: true, encoding: 'buffer' })) {
        if (++entries > entriesMax) return false
        if (entry.isSymbolicLink()) continue // It may lead anywhere, and round in a circle.
        if (await hasContent(join(folder, decodeName(entry.name)))) return true
      }
    }
    return false
  } catch (error) {
    if (signal.aborted) throw error
    return false
  }
}

async function identityOf(folder: ByteName): Promise<string> {
  const { dev, ino } = await stat(encodeName(folder), { bigint: true })
  return `${dev}:${ino}`
}

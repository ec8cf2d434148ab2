import { lchown, readdir, readlink, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { Failure } from '../../base/failure.ts'
import { inLanes } from '../../base/in-lanes.ts'
import type { User } from '../../posix/user-named.ts'

const lanesMax = 8

/**
 * Every link in a data folder that leads elsewhere must lead into one of these folders. Failure `target_unsafe` where one
 * does not: a server that is started there would write where another one may live. Failure `refused` where a server
 * has the folder in use.
 */
export async function requireSelfContained(
  dataFolder: string,
  allowedFolders: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (await exists(join(dataFolder, 'postmaster.pid'))) {
    throw new Failure('refused', `Cannot start a sandbox on "${dataFolder}": it has a postmaster.pid`, {
      facts: { hint: 'A server has it in use. A restored folder has none: if it was killed here, remove the file' },
    })
  }
  const allowed = await Promise.all([dataFolder, ...allowedFolders].map((folder) => realpath(folder)))
  await eachEntry(dataFolder, signal, async (path, kind) => {
    if (kind !== 'link') return
    const target = await realpath(path).catch(() => undefined)
    if (target !== undefined && allowed.some((folder) => target === folder || target.startsWith(folder + sep))) return
    const where = target ?? (await readlink(path))
    throw new Failure('target_unsafe', `Cannot start a sandbox on "${dataFolder}": "${path}" leads to "${where}"`, {
      facts: { hint: 'Map the tablespace to a folder of its own' },
    })
  })
}

/** Gives all files to a user; those behind links too where these lead into the folder or the allowed ones. */
export async function giveTo(owner: User, folders: readonly string[], signal: AbortSignal): Promise<void> {
  for (const folder of folders) {
    await lchown(folder, owner.uid, owner.gid)
    await eachEntry(folder, signal, (path) => lchown(path, owner.uid, owner.gid))
  }
}

type Kind = 'link' | 'other'

/** Every entry below a folder, links not followed; a folder before what is in it. */
async function eachEntry(
  folder: string,
  signal: AbortSignal,
  visit: (path: string, kind: Kind) => Promise<void>,
): Promise<void> {
  const folders: string[] = [folder]
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    const parent = next
    await inLanes(await readdir(parent, { withFileTypes: true }), lanesMax, signal, async (entry) => {
      const path = join(parent, entry.name)
      await visit(path, entry.isSymbolicLink() ? 'link' : 'other')
      if (entry.isDirectory()) folders.push(path)
    })
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch {
    return false // Whatever hides it from us hides it from the server too.
  }
}

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type ByteName, decodeName, encodeName, printableName } from '../../base/byte-name.ts'
import { errorCode } from '../../base/error-code.ts'
import { Failure } from '../../base/failure.ts'
import { inLanes } from '../../base/in-lanes.ts'
import type { BackupManifest } from './backup-manifest.ts'

/** A file that is not as the server's manifest has it. */
export interface RestoredFileFault {
  readonly path: ByteName
  readonly state: 'missing' | 'surplus' | 'different'
  readonly detail: string
}

export interface RestoredFilesVerified {
  readonly files: number
  readonly faults: readonly RestoredFileFault[]
}

const lanesMax = 4
/** What pg_verifybackup leaves out too: it is made or changed after the manifest, or named by it apart. */
const notNamed = /^(backup_manifest|postgresql\.auto\.conf|recovery\.signal|standby\.signal|pg_wal(\/.*)?)$/

/** Whether the server's manifest does not speak for a file of a data folder. */
export function isNotNamed(path: ByteName): boolean {
  return notNamed.test(path)
}

/**
 * Compares a restored data folder, before any server has started on it, with the manifest that the server made of it: every
 * file is there with its size, and no other one. With the SHA-256 of each, which the restore compares when it reads the files
 * back, this is what pg_verifybackup does. The WAL is not the manifest's: starting the server proves it.
 */
export async function verifyRestoredFiles(
  dataFolder: string,
  manifest: Pick<BackupManifest, 'files'>,
  signal: AbortSignal,
): Promise<RestoredFilesVerified> {
  const faults: RestoredFileFault[] = []
  await inLanes(manifest.files, lanesMax, signal, async ([path, { size }]) => {
    if (isNotNamed(path)) return
    const found = await sizeOf(join(dataFolder, path))
    if (found === undefined) faults.push({ path, state: 'missing', detail: 'it is not there' })
    else if (found !== size) {
      faults.push({ path, state: 'different', detail: `it has ${found} bytes, expected ${size}` })
    }
  })
  for (const path of await filesBelow(dataFolder)) {
    if (manifest.files.has(path) || isNotNamed(path)) continue
    faults.push({ path, state: 'surplus', detail: 'the manifest does not name it' })
  }
  return { files: manifest.files.size, faults: faults.toSorted((a, b) => (a.path < b.path ? -1 : 1)) }
}

async function sizeOf(path: ByteName): Promise<number | undefined> {
  try {
    return (await stat(encodeName(path))).size
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return undefined
    throw new Failure('database_unreadable', `Cannot look at "${printableName(path)}"`, { cause })
  }
}

/** Every file, by its path; links to folders are followed, since mapped tablespaces are such. */
async function filesBelow(dataFolder: string): Promise<ByteName[]> {
  const files: ByteName[] = []
  const folders = ['']
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const place = encodeName(join(dataFolder, folder))
    for (const entry of await readdir(place, { withFileTypes: true, encoding: 'buffer' })) {
      const name = decodeName(entry.name)
      const path = folder === '' ? name : `${folder}/${name}`
      const isFolder = entry.isDirectory() || (entry.isSymbolicLink() && (await isDirectory(join(dataFolder, path))))
      if (isFolder && path !== 'pg_wal') folders.push(path)
      else files.push(path)
    }
  }
  return files
}

async function isDirectory(path: ByteName): Promise<boolean> {
  return (await stat(encodeName(path)).catch(() => undefined))?.isDirectory() ?? false
}

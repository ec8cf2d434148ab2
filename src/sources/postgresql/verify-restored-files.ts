import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ByteName } from '../../base/byte-name.ts'
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
  readonly bytes: number
  readonly faults: readonly RestoredFileFault[]
}

const lanesMax = 4
/** What pg_verifybackup leaves out too: it is made or changed after the manifest, or named by it apart. */
const notNamed = /^(backup_manifest|postgresql\.auto\.conf|recovery\.signal|standby\.signal|pg_wal(\/.*)?)$/

/**
 * Compares a restored data folder, before any server has started on it, with the manifest that the server made of it: every
 * file is there with its size and SHA-256, and no other one. What pg_verifybackup does, without it. The WAL is not the
 * manifest's: starting the server proves it.
 */
export async function verifyRestoredFiles(
  dataFolder: string,
  manifest: Pick<BackupManifest, 'files'>,
  signal: AbortSignal,
): Promise<RestoredFilesVerified> {
  const faults: RestoredFileFault[] = []
  let bytes = 0
  await inLanes(manifest.files, lanesMax, signal, async ([path, { size, sha256 }]) => {
    if (notNamed.test(path)) return
    const found = await digestOf(join(dataFolder, path), signal)
    bytes += found?.size ?? 0
    if (found === undefined) faults.push({ path, state: 'missing', detail: 'it is not there' })
    else if (found.size !== size) {
      faults.push({ path, state: 'different', detail: `it has ${found.size} bytes, expected ${size}` })
    } else if (sha256 !== undefined && found.sha256 !== sha256) {
      faults.push({ path, state: 'different', detail: `its SHA-256 is ${found.sha256}, expected ${sha256}` })
    }
  })
  for (const path of await filesBelow(dataFolder)) {
    if (manifest.files.has(path) || notNamed.test(path)) continue
    faults.push({ path, state: 'surplus', detail: 'the manifest does not name it' })
  }
  return { files: manifest.files.size, bytes, faults: faults.toSorted((a, b) => (a.path < b.path ? -1 : 1)) }
}

async function digestOf(
  path: string,
  signal: AbortSignal,
): Promise<{ readonly size: number; readonly sha256: string } | undefined> {
  const digest = createHash('sha256')
  let size = 0
  try {
    for await (const chunk of createReadStream(path, { signal, highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
      digest.update(chunk)
      size += chunk.length
    }
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return undefined
    throw new Failure('database_unreadable', `Cannot read "${path}"`, { cause })
  }
  return { size, sha256: digest.digest('hex') }
}

/** Every file, by its path; links to folders are followed, since mapped tablespaces are such. */
async function filesBelow(dataFolder: string): Promise<string[]> {
  const files: string[] = []
  const folders = ['']
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of await readdir(join(dataFolder, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      const isFolder = entry.isDirectory() || (entry.isSymbolicLink() && (await isDirectory(join(dataFolder, path))))
      if (isFolder && path !== 'pg_wal') folders.push(path)
      else files.push(path)
    }
  }
  return files
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false
}

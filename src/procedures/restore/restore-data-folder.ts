import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ByteName, printableName } from '../../base/byte-name.ts'
import { errorCode } from '../../base/error-code.ts'
import { isFailure } from '../../base/failure.ts'
import { restore } from '../../operations/restore/restore.ts'
import { type BackupManifest, parseBackupManifest } from '../../sources/postgresql/backup-manifest.ts'
import { isNotNamed, verifyRestoredFiles } from '../../sources/postgresql/verify-restored-files.ts'
import { keepTablespacesOfFolder } from '../../sources/postgresql/wal-folder.ts'
import { readDumpFacts } from '../postgresql/read-dump-facts.ts'
import type { OpenedBackup } from './open-backup.ts'
import type { RestoredContent, RestoreJob } from './restore-source.ts'

const differencesMax = 100

/**
 * Restores a PostgreSQL backup into the target: the data directory of a physical snapshot, which a server starts from, or a
 * folder of dumps. Every file is read back and compared with what was stored, and those of a data directory with the
 * manifest that the server made of them. Whether the rows are those of the manifest, only a server can tell (`sandbox`).
 */
export async function restoreDataFolder(job: RestoreJob): Promise<RestoredContent> {
  const { files, bytes, problems, verifyMs } = await restoreServerFiles(job, job.order.target)
  const differences = problems.slice(0, differencesMax)
  return { files, bytes, outcome: differences.length > 0 ? 'different' : 'not compared', differences, verifyMs }
}

/**
 * Puts the content of a source's directory in a snapshot into the target, and reads it back: the files of a data directory are
 * compared with the SHA-256 that the server made of them, and the others with what was stored. No server has it open.
 */
export async function restoreServerFiles(
  {
    installation,
    opened,
    order,
    watch,
  }: Pick<RestoreJob, 'installation' | 'watch'> & {
    readonly opened: OpenedBackup
    readonly order: { readonly source: string }
  },
  target: string,
): Promise<{
  readonly files: number
  readonly bytes: number
  readonly problems: readonly string[]
  readonly verifyMs: number
}> {
  const { repository, snapshot, signal } = opened
  const isDump = (await readDumpFacts(opened)) !== undefined
  const { files, bytes, problems, verifyMs } = await restore(
    {
      repository,
      tree: snapshot.tree,
      subpath: `/${order.source}`,
      target,
      overwrite: 'always',
      sparse: true,
      dryRun: false,
      verify: true,
      ...(!isDump && { digests: () => serverDigests(target) }),
    },
    { clock: installation.clock, progress: watch.progress },
    signal,
  )
  if (problems.length > 0) {
    return { files, bytes, verifyMs, problems: problems.map(({ path, detail }) => `${printableName(path)}: ${detail}`) }
  }
  if (isDump) return { files, bytes, verifyMs, problems: [] }
  const { faults } = await verifyRestoredFiles(target, await readServerManifest(target), signal)
  // A server that somebody starts there must not write where production has a tablespace.
  await keepTablespacesOfFolder(target)
  return { files, bytes, verifyMs, problems: faults.map(({ path, detail }) => `${printableName(path)}: ${detail}`) }
}

async function readServerManifest(target: string): Promise<BackupManifest> {
  return parseBackupManifest(await readFile(join(target, 'backup_manifest')))
}

/**
 * What the server says of the files of a data directory; undefined where it says no more than that there is one. None where its manifest did not come back whole: then all files
 * are compared with what was stored, and that is told.
 */
async function serverDigests(target: string): Promise<ReadonlyMap<ByteName, string | undefined>> {
  let manifest: BackupManifest
  try {
    manifest = await readServerManifest(target)
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || isFailure(error)) return new Map()
    throw error
  }
  const named = [...manifest.files].filter(([path]) => !isNotNamed(path))
  return new Map(named.map(([path, { sha256 }]) => [path, sha256]))
}

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { printableName } from '../../base/byte-name.ts'
import { restore } from '../../operations/restore/restore.ts'
import { parseBackupManifest } from '../../sources/postgresql/backup-manifest.ts'
import { verifyRestoredFiles } from '../../sources/postgresql/verify-restored-files.ts'
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
  const { opened, order, installation } = job
  const { files, bytes, problems } = await restoreServerFiles(job, order.target)
  const isDump = (await readDumpFacts(opened)) !== undefined
  const verifyBeginMs = installation.clock.monotonicMs()
  const faults = isDump || problems.length > 0 ? [] : await verifyDataFolder(order.target, opened.signal)
  const verifyMs = installation.clock.monotonicMs() - verifyBeginMs
  const differences = [...problems, ...faults].slice(0, differencesMax)
  return { files, bytes, outcome: differences.length > 0 ? 'different' : 'not compared', differences, verifyMs }
}

/** Puts the content of a source's directory in a snapshot into the target, and reads it back. */
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
): Promise<{ readonly files: number; readonly bytes: number; readonly problems: readonly string[] }> {
  const { repository, snapshot, signal } = opened
  const { files, bytes, problems } = await restore(
    {
      repository,
      tree: snapshot.tree,
      subpath: `/${order.source}`,
      target,
      overwrite: 'always',
      sparse: true,
      dryRun: false,
      verify: true,
    },
    { clock: installation.clock, progress: watch.progress },
    signal,
  )
  // A server that somebody starts there must not write where production has a tablespace. Of dumps there is no log.
  if (problems.length === 0) await keepTablespacesOfFolder(target)
  return { files, bytes, problems: problems.map(({ path, detail }) => `${printableName(path)}: ${detail}`) }
}

/** What pg_verifybackup would say of a data directory on which no server has started yet. */
export async function verifyDataFolder(target: string, signal: AbortSignal): Promise<string[]> {
  const manifest = parseBackupManifest(await readFile(join(target, 'backup_manifest')))
  const { faults } = await verifyRestoredFiles(target, manifest, signal)
  return faults.slice(0, differencesMax).map(({ path, detail }) => `${printableName(path)}: ${detail}`)
}

import { printableName } from '../../base/byte-name.ts'
import { restore } from '../../operations/restore/restore.ts'
import type { RestoredContent, RestoreJob } from './restore-source.ts'

/**
 * Restores the data directory of a PostgreSQL backup into the target: its content is what a server starts from. Every
 * file is read back and compared; whether the rows are those of the manifest, only a server can tell (`sandbox`,
 * `procedure run`).
 */
export async function restoreDataFolder({ installation, opened, order, watch }: RestoreJob): Promise<RestoredContent> {
  const { repository, snapshot, signal } = opened
  const report = await restore(
    {
      repository,
      tree: snapshot.tree,
      subpath: `/${order.source}`,
      target: order.target,
      overwrite: 'always',
      sparse: true,
      dryRun: false,
      verify: true,
    },
    { clock: installation.clock, progress: watch.progress },
    signal,
  )
  const differences = report.problems.slice(0, 100).map(({ path, detail }) => `${printableName(path)}: ${detail}`)
  const outcome = differences.length > 0 ? 'different' : 'not compared'
  return { files: report.files, bytes: report.bytes, outcome, differences }
}

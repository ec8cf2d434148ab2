import { printableName } from '../../base/byte-name.ts'
import { attachmentFolder } from '../../operations/attachments.ts'
import { restore } from '../../operations/restore/restore.ts'
import type { RestoredContent, RestoreJob } from './restore-source.ts'

const differencesMax = 100

/** Restores a tree of files into the target, under the full paths that it was backed up from. */
export async function restoreFiles({ installation, opened, order, watch }: RestoreJob): Promise<RestoredContent> {
  const { repository, snapshot, signal } = opened
  const report = await restore(
    {
      repository,
      tree: snapshot.tree,
      target: order.target,
      selection: { include: [], exclude: [`/${attachmentFolder}`] },
      overwrite: 'always',
      sparse: true,
      dryRun: false,
      verify: true,
    },
    { clock: installation.clock, progress: watch.progress },
    signal,
  )
  const problems = report.problems.map(({ path, detail }) => `${printableName(path)}: ${detail}`)
  const { files, bytes } = report
  return {
    files,
    bytes,
    outcome: problems.length > 0 ? 'different' : 'not compared',
    differences: problems.slice(0, differencesMax),
  }
}

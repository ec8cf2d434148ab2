import { posix } from 'node:path'
import { printableName } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import { workersOfCores } from '../../base/worker-count.ts'
import { findSnapshot } from '../../operations/list/select-snapshots.ts'
import type { OverwriteRule } from '../../operations/restore/overwrite-rule.ts'
import { earlyRestoreThreads } from '../../operations/restore/restore-crew.ts'
import { restore, type RestoreReport } from '../../operations/restore/restore.ts'
import { readSnapshots } from '../access/read-snapshots.ts'
import { withRepository } from '../access/with-repository.ts'
import type { CommandContext } from '../command-entry.ts'
import { exitCodes } from '../exit-codes.ts'
import { readPatterns } from '../options/read-patterns.ts'
import { type FilterOptions, snapshotFilter } from '../options/snapshot-filter.ts'
import { beginProgress } from '../output/begin-progress.ts'
import { describeSnapshot } from '../output/describe-snapshot.ts'
import { formatBytes } from '../output/format-bytes.ts'
import { formatCount, groupDigits } from '../output/format-count.ts'
import { formatDuration } from '../output/format-duration.ts'
import type { Outcome } from '../outcome.ts'

export interface RestoreOptions extends FilterOptions {
  readonly target: string
  readonly include?: readonly string[] | undefined
  readonly includeFile?: readonly string[] | undefined
  readonly exclude?: readonly string[] | undefined
  readonly excludeFile?: readonly string[] | undefined
  readonly overwrite: OverwriteRule
  readonly sparse?: boolean | undefined
  readonly verify?: true | undefined
  readonly dryRun?: true | undefined
  readonly workers?: number | undefined
}

export async function runRestore(context: CommandContext, name: string, options: RestoreOptions): Promise<Outcome> {
  const { output, world } = context
  if (options.target === '') throw new Failure('usage', 'Cannot restore: the target is empty')
  const target = posix.resolve(world.workingDirectory, options.target)
  const include = await readPatterns({ patterns: options.include, files: options.includeFile }, context.signal)
  const exclude = await readPatterns({ patterns: options.exclude, files: options.excludeFile }, context.signal)
  const dryRun = options.dryRun === true
  // The threads start while the repository is opened: checking a password takes longer.
  await using early = dryRun ? undefined : earlyRestoreThreads(options.workers ?? workersOfCores())
  return await withRepository(context, { lock: 'shared', use: 'read' }, async (repository, signal) => {
    const { snapshots } = await readSnapshots(repository, { index: 'load', output }, signal)
    const { snapshot, subfolder } = findSnapshot(snapshots, name, snapshotFilter(options, world))
    output.notice(`restoring ${describeSnapshot(snapshot)} to ${printableName(target)}`)
    const isWhole = subfolder === '/' && include.length === 0 && exclude.length === 0
    const { total_files_processed: files, total_bytes_processed: bytes } = snapshot.summary ?? {}
    const totals = isWhole && files !== undefined && bytes !== undefined ? { files, bytes } : undefined
    await using display = beginProgress(context)
    const report = await restore(
      {
        repository,
        tree: snapshot.tree,
        ...(subfolder !== '/' && { subpath: subfolder }),
        target,
        selection: { include, exclude },
        overwrite: options.overwrite,
        sparse: options.sparse ?? true,
        dryRun,
        verify: options.verify === true,
        ...(totals !== undefined && { totals }),
        ...(options.workers !== undefined && { workers: options.workers }),
      },
      { clock: world.clock, progress: display.report, ...(early !== undefined && { early }) },
      signal,
    )
    await display.end()
    tell(context, report, { dryRun, seconds: display.seconds })
    return outcomeOf(report)
  })
}

/** What is missing from the target is a gap; what is missing because the repository is damaged is damage. */
function outcomeOf({ problems }: RestoreReport): Outcome {
  if (problems.some(({ code }) => exitCodes[code] === exitCodes.repository_damaged)) return 'damaged'
  return problems.length > 0 ? 'gaps' : 'done'
}

function tell(
  { output }: CommandContext,
  report: RestoreReport,
  { dryRun, seconds }: { readonly dryRun: boolean; readonly seconds: number },
): void {
  for (const { path, code, detail } of report.problems) {
    const item = output.json ? path : printableName(path)
    output.problem({ during: 'restore', item, message: `${code}: ${detail}` })
  }
  if (output.json) {
    output.document({
      message_type: 'summary',
      ...(dryRun && { dry_run: true }),
      seconds_elapsed: Math.floor(seconds),
      total_files: report.files + report.filesSkipped,
      files_restored: report.files,
      files_skipped: report.filesSkipped,
      total_bytes: report.bytes + report.bytesSkipped,
      bytes_restored: report.bytes,
      bytes_skipped: report.bytesSkipped,
      bytes_written: report.bytesWritten,
      directories: report.directories,
      others: report.others,
      hard_links: report.hardLinks,
      files_verified: report.filesVerified,
      problems: report.problems.length,
    })
    return
  }
  const entries = [
    formatCount(report.files, 'file'),
    formatCount(report.directories, 'directory', 'directories'),
    `${groupDigits(report.others)} others`,
  ]
  const bytes = formatBytes(report.bytes)
  output.line(`${dryRun ? 'would restore' : 'restored'} ${entries.join(', ')}; ${bytes} in ${formatDuration(seconds)}`)
  if (report.filesSkipped > 0) {
    output.line(`${formatCount(report.filesSkipped, 'file')} left as they were, ${formatBytes(report.bytesSkipped)}`)
  }
  if (report.filesVerified !== undefined) {
    output.line(`${formatCount(report.filesVerified, 'file')} read back and equal to the snapshot`)
  }
  if (report.problems.length > 0) {
    output.line(`${formatCount(report.problems.length, 'problem')}: the target lacks what was named above`)
  }
}

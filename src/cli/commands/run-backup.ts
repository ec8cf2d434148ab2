import { type ByteName, printableName } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import { backUp, type BackupReport, type BackupRequest } from '../../operations/back-up/back-up.ts'
import { BackupWorkers } from '../../operations/back-up/backup-workers.ts'
import { findSnapshot } from '../../operations/list/select-snapshots.ts'
import type { Repository } from '../../repository/repository.ts'
import type { ExcludeDefinition } from '../../sources/files/exclude-rules.ts'
import { isHole } from '../../sources/files/gap.ts'
import { withRepository } from '../access/with-repository.ts'
import type { CommandContext } from '../command-entry.ts'
import { readPathList } from '../options/read-path-list.ts'
import { readPatterns } from '../options/read-patterns.ts'
import { beginProgress } from '../output/begin-progress.ts'
import { formatBytes } from '../output/format-bytes.ts'
import { formatCount, groupDigits } from '../output/format-count.ts'
import { formatDuration } from '../output/format-duration.ts'
import type { Outcome } from '../outcome.ts'

export interface BackupOptions {
  readonly tag?: readonly string[]
  readonly host?: string
  readonly time?: Date
  readonly exclude?: readonly string[]
  readonly iexclude?: readonly string[]
  readonly excludeFile?: readonly string[]
  readonly iexcludeFile?: readonly string[]
  readonly excludeCaches?: true
  readonly excludeIfPresent?: readonly string[]
  readonly excludeLargerThan?: number
  readonly oneFileSystem?: true
  readonly filesFrom?: readonly string[]
  readonly filesFromVerbatim?: readonly string[]
  readonly filesFromRaw?: readonly string[]
  readonly parent?: string
  readonly force?: true
  readonly withAtime?: true
  readonly skipIfUnchanged?: true
  readonly dryRun?: true
  readonly workers?: number
}

const bytesOfMebibyte = 1024 * 1024

export async function runBackup(
  context: CommandContext,
  paths: readonly ByteName[],
  options: BackupOptions,
): Promise<Outcome> {
  const { globals, world, output } = context
  const allPaths = await gatherPaths(context, paths, options)
  const excludes = await gatherExcludes(context, options)
  const isDry = options.dryRun === true
  const use = isDry ? 'read' : 'write'
  // The workers start while the repository is opened: checking a password takes as long.
  await using workers = new BackupWorkers(options.workers)
  workers.start()
  const report = await withRepository(context, { lock: 'shared', use }, async (repository, signal) => {
    const parent = await chooseParent(repository, options, signal)
    await repository.loadIndex(signal)
    const request: BackupRequest = {
      repository,
      paths: allPaths,
      workingDirectory: world.workingDirectory,
      hostname: options.host ?? (world.environment['RESTIC_HOST'] || world.hostname),
      username: world.username,
      userId: world.userId,
      groupId: world.groupId,
      tags: options.tag ?? [],
      excludes,
      excludePatterns: [...excludes.patterns, ...(excludes.caseInsensitivePatterns ?? [])],
      parent,
      read: options.force === true ? 'all' : 'changed',
      oneFileSystem: options.oneFileSystem ?? false,
      dryRun: isDry,
      withAtime: options.withAtime ?? false,
      skipIfUnchanged: options.skipIfUnchanged ?? false,
      compression: globals.compression,
      ...(globals.packSize !== undefined && { packBytes: globals.packSize * bytesOfMebibyte }),
      ...(options.time !== undefined && { time: options.time }),
    }
    await using display = beginProgress(context)
    const programVersion = `zakops-backup ${world.version}`
    const made = await backUp(
      request,
      { workers, clock: world.clock, progress: display.report, programVersion },
      signal,
    )
    return { ...made, seconds: display.seconds }
  })
  tellGaps(context, report)
  if (output.json) output.document(summaryDocument(report, isDry))
  else {
    if (output.tells('normal')) for (const line of summaryLines(report)) output.line(line)
    for (const line of endLines(report, isDry)) output.line(line)
  }
  return report.gaps.some(isHole) ? 'gaps' : 'done'
}

/** Everything that was named, each path once, in its order. */
async function gatherPaths(
  { world }: CommandContext,
  paths: readonly ByteName[],
  options: BackupOptions,
): Promise<ByteName[]> {
  const lists = [
    ...(options.filesFrom ?? []).map((file) => readPathList(file, 'patterns', world.stdin)),
    ...(options.filesFromVerbatim ?? []).map((file) => readPathList(file, 'verbatim', world.stdin)),
    ...(options.filesFromRaw ?? []).map((file) => readPathList(file, 'raw', world.stdin)),
  ]
  const all = [...paths, ...(await Promise.all(lists)).flat()]
  if (all.length > 0) return [...new Set(all)]
  throw new Failure('usage', 'Cannot back up: no path was given, expected at least one')
}

async function gatherExcludes({ signal }: CommandContext, options: BackupOptions): Promise<ExcludeDefinition> {
  const { exclude, excludeFile, iexclude, iexcludeFile } = options
  return {
    patterns: await readPatterns({ patterns: exclude, files: excludeFile }, signal),
    caseInsensitivePatterns: await readPatterns({ patterns: iexclude, files: iexcludeFile }, signal),
    caches: options.excludeCaches ?? false,
    ifPresent: options.excludeIfPresent ?? [],
    ...(options.excludeLargerThan !== undefined && { largerThanBytes: options.excludeLargerThan }),
  }
}

async function chooseParent(
  repository: Repository,
  options: BackupOptions,
  signal: AbortSignal,
): Promise<BackupRequest['parent']> {
  if (options.parent === undefined) return 'latest'
  const { snapshot } = findSnapshot(await repository.listSnapshots(signal), options.parent)
  return { id: snapshot.id }
}

function tellGaps({ output }: CommandContext, { gaps, gapsOmitted, packsWithdrawn }: BackupReport): void {
  for (const packId of packsWithdrawn) {
    const message = 'the parent snapshot needs it, but it is damaged or gone; run `check`'
    output.problem({ during: 'back up', item: `pack ${packId}`, message })
  }
  for (const gap of gaps) {
    const item = output.json ? gap.path : printableName(gap.path)
    if (isHole(gap)) output.problem({ during: 'back up', item, message: `${gap.reason}: ${gap.detail}` })
    else output.notice(`skipped ${gap.reason}: ${item}`)
  }
  if (gapsOmitted > 0) output.notice(`and ${formatCount(gapsOmitted, 'gap')} more`)
}

function summaryLines(report: BackupReport & { seconds: number }): string[] {
  const { summary, parentId } = report
  const added = `${formatBytes(summary.data_added)} (${formatBytes(summary.data_added_packed)} stored)`
  const processed = `${formatCount(summary.total_files_processed, 'file')}, ${formatBytes(summary.total_bytes_processed)}`
  return [
    parentId === undefined ? 'no parent snapshot, every file was read' : `parent snapshot ${parentId.slice(0, 8)}`,
    '',
    `Files:       ${counts(summary.files_new, summary.files_changed, summary.files_unmodified)}`,
    `Directories: ${counts(summary.dirs_new, summary.dirs_changed, summary.dirs_unmodified)}`,
    `Added to the repository: ${added}`,
    '',
    `processed ${processed} in ${formatDuration(report.seconds)}`,
  ]
}

function endLines({ snapshotId, gaps }: BackupReport, isDry: boolean): string[] {
  const holes = gaps.filter(isHole).length
  const lines: string[] = []
  if (snapshotId !== undefined) lines.push(`snapshot ${snapshotId.slice(0, 8)} saved`)
  else lines.push(isDry ? 'nothing was stored: this was a dry run' : 'nothing changed, no snapshot was stored')
  if (holes > 0) lines.push(`${formatCount(holes, 'gap')}: the snapshot is valid, but lacks what was named above`)
  return lines
}

function counts(made: number, changed: number, unmodified: number): string {
  return `${groupDigits(made)} new, ${groupDigits(changed)} changed, ${groupDigits(unmodified)} unmodified`
}

function summaryDocument(report: BackupReport & { seconds: number }, isDry: boolean): Record<string, unknown> {
  return {
    message_type: 'summary',
    ...(isDry && { dry_run: true }),
    ...report.summary,
    total_duration: report.seconds,
    snapshot_id: report.snapshotId,
    gaps: report.gaps,
  }
}

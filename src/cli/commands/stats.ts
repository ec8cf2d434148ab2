import { type Command, Option } from '@commander-js/extra-typings'
import {
  countStatistics,
  type Statistics,
  statisticsModes,
  type StatisticsMode,
} from '../../operations/list/count-statistics.ts'
import { selectSnapshots } from '../../operations/list/select-snapshots.ts'
import { compressionFigures, statisticsJson } from '../../operations/list/statistics-json.ts'
import { readSnapshots } from '../access/read-snapshots.ts'
import { withRepository } from '../access/with-repository.ts'
import type { CommandContext, RunCommand } from '../command-entry.ts'
import { addExamples } from '../help/examples.ts'
import { collect, collectGroups } from '../options/collect.ts'
import { type FilterOptions, snapshotFilter } from '../options/snapshot-filter.ts'
import { formatBytes } from '../output/format-bytes.ts'
import { groupDigits } from '../output/format-count.ts'
import type { Outcome } from '../outcome.ts'

export function define(command: Command, run: RunCommand): void {
  command.description('Counts files and bytes of snapshots: as restored, by different contents, or as stored.')
  addExamples(command, [
    { line: '-r /srv/backup stats latest', does: 'how much a restore would write' },
    { line: '-r /srv/backup stats --mode raw-data', does: 'how much the repository takes, and what compression saves' },
  ])
  command
    .argument('[ids...]', 'only these snapshots: ids, their beginnings, or latest')
    .option('-H, --host <name>', 'only of this host; may be repeated', collect)
    .option('--tag <tags>', 'only with all of these tags; may be repeated', collectGroups)
    .option('--path <path>', 'only of this path; may be repeated', collect)
    .addOption(new Option('--mode <mode>', 'what to count').choices(statisticsModes).default('restore-size' as const))
    .action((ids, options, self) => run(self, (context) => count(context, ids, options)))
}

async function count(
  context: CommandContext,
  ids: readonly string[],
  options: FilterOptions & { readonly mode: StatisticsMode },
): Promise<Outcome> {
  const { output, world } = context
  return await withRepository(context, { lock: 'shared', use: 'read' }, async (repository, signal) => {
    const read = await readSnapshots(repository, { index: 'load', output }, signal)
    const snapshots = selectSnapshots(read.snapshots, ids, snapshotFilter(options, world))
    const request = { snapshots, mode: options.mode, formatVersion: repository.version }
    const statistics = await countStatistics(repository, repository.index, request, signal)
    if (output.json) output.line(statisticsJson(statistics))
    else for (const line of statisticsLines(statistics)) output.line(line)
    return read.outcome
  })
}

function statisticsLines(statistics: Statistics): string[] {
  const { ratio, progress, saving } = compressionFigures(statistics)
  const lines = [`counted by:          ${statistics.mode}`, `snapshots:           ${groupDigits(statistics.snapshots)}`]
  if (statistics.blobCount > 0) lines.push(`blobs:               ${groupDigits(statistics.blobCount)}`)
  if (statistics.fileCount > 0) lines.push(`files:               ${groupDigits(statistics.fileCount)}`)
  if (statistics.uncompressedSize > 0) {
    lines.push(`uncompressed size:   ${formatBytes(statistics.uncompressedSize)}`)
    lines.push(`compressed:          ${progress.toFixed(2)} % of it, ratio ${ratio.toFixed(2)}`)
    lines.push(`saved:               ${saving.toFixed(2)} %`)
  }
  lines.push(`size:                ${formatBytes(statistics.totalSize)}`)
  return lines
}

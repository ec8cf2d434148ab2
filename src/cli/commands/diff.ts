import type { Command } from '@commander-js/extra-typings'
import { printableName } from '../../base/byte-name.ts'
import { diffChangeJson, diffReportJson } from '../../operations/list/diff-json.ts'
import type { SideStatistics } from '../../operations/list/diff-statistics.ts'
import { diffTrees } from '../../operations/list/diff-trees.ts'
import { findTree } from '../../operations/list/find-path.ts'
import { findSnapshot } from '../../operations/list/select-snapshots.ts'
import { readSnapshots } from '../access/read-snapshots.ts'
import { withRepository } from '../access/with-repository.ts'
import type { CommandContext, RunCommand } from '../command-entry.ts'
import { addExamples } from '../help/examples.ts'
import { formatBytes } from '../output/format-bytes.ts'
import { formatCount, groupDigits } from '../output/format-count.ts'
import type { Outcome } from '../outcome.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Compares two snapshots. Letters say what happened: + added, - removed, M other content, T other type, ' +
      'U other metadata, ? other content although the metadata is the same.',
  )
  addExamples(command, [
    { line: '-r /srv/backup diff 5a3f12 latest', does: 'see what changed since' },
    { line: '-r /srv/backup diff 5a3f12:/home/ann latest:/home/ann', does: 'compare one folder' },
  ])
  command
    .argument('<before>', 'snapshot, as id, its beginning, or latest; :<folder> behind it begins there')
    .argument('<after>', 'the other one')
    .option('--metadata', 'show changes of metadata too')
    .action((before, after, options, self) =>
      run(self, (context) => diff(context, { before, after, metadata: options.metadata === true })),
    )
}

async function diff(
  context: CommandContext,
  request: { readonly before: string; readonly after: string; readonly metadata: boolean },
): Promise<Outcome> {
  const { output } = context
  return await withRepository(context, { lock: 'shared', use: 'read' }, async (repository, signal) => {
    const { snapshots } = await readSnapshots(repository, { index: 'load', output }, signal)
    const [before, after] = [findSnapshot(snapshots, request.before), findSnapshot(snapshots, request.after)]
    const trees = {
      before: await findTree(repository, before.snapshot.tree, before.subfolder, signal),
      after: await findTree(repository, after.snapshot.tree, after.subfolder, signal),
    }
    output.notice(`comparing ${before.snapshot.id.slice(0, 8)} with ${after.snapshot.id.slice(0, 8)}`)
    const report = await diffTrees(
      repository,
      repository.index,
      { ...trees, metadata: request.metadata },
      (change) => {
        output.line(output.json ? diffChangeJson(change) : `${change.modifier.padEnd(4)} ${printableName(change.path)}`)
      },
      signal,
    )
    for (const failure of report.gaps) {
      output.problem({ during: 'diff', item: `${request.before} ${request.after}`, message: failure.message })
    }
    if (output.json) output.line(diffReportJson(report, request.before, request.after))
    else {
      output.line('')
      output.line(`${formatCount(report.changedFiles, 'file')} changed`)
      output.line(`added:   ${sideText(report.added)}`)
      output.line(`removed: ${sideText(report.removed)}`)
    }
    return report.gaps.length === 0 ? 'done' : 'damaged'
  })
}

function sideText(side: SideStatistics): string {
  const entries = [
    formatCount(side.files, 'file'),
    formatCount(side.dirs, 'directory', 'directories'),
    `${groupDigits(side.others)} others`,
  ]
  return `${entries.join(', ')}; ${formatCount(side.dataBlobs + side.treeBlobs, 'blob')}, ${formatBytes(side.bytes)}`
}

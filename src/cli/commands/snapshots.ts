import type { Command } from '@commander-js/extra-typings'
import type { Snapshot } from '../../model/snapshot.ts'
import {
  describeGroup,
  groupByHostAndPaths,
  groupSnapshots,
  parseGroupBy,
  type SnapshotGroup,
} from '../../operations/forget/group-snapshots.ts'
import { snapshotJson } from '../../operations/list/list-json.ts'
import { selectSnapshots } from '../../operations/list/select-snapshots.ts'
import { readSnapshots } from '../access/read-snapshots.ts'
import { withRepository } from '../access/with-repository.ts'
import type { CommandContext, RunCommand } from '../command-entry.ts'
import { addExamples } from '../help/examples.ts'
import { collect, collectGroups } from '../options/collect.ts'
import { parsePositiveCount } from '../options/parse-count.ts'
import { type FilterOptions, snapshotFilter } from '../options/snapshot-filter.ts'
import { formatCount } from '../output/format-count.ts'
import { snapshotTable } from '../output/snapshot-table.ts'
import type { Outcome } from '../outcome.ts'

interface SnapshotsOptions extends FilterOptions {
  readonly compact?: true | undefined
  readonly latest?: number | undefined
  readonly groupBy?: string | undefined
}

export function define(command: Command, run: RunCommand): void {
  addExamples(command, [
    { line: '-r /srv/backup snapshots', does: 'list all' },
    {
      line: '-r /srv/backup snapshots --tag daily --latest 3',
      does: 'the last three of a tag, for each host and paths',
    },
    { line: '-r /srv/backup snapshots --json | jq -r ".[].id"', does: 'get their ids' },
  ])
  command
    .argument('[ids...]', 'only these: ids, their beginnings, or latest')
    .option('-H, --host <name>', 'only of this host; may be repeated', collect)
    .option('--tag <tags>', 'only with all of these tags, with commas between them; may be repeated', collectGroups)
    .option('--path <path>', 'only of this path; may be repeated', collect)
    .option('-c, --compact', 'one short line for each')
    .option('--latest <count>', 'only the last ones of each host and set of paths', parsePositiveCount)
    .option('-g, --group-by <words>', 'group them by host, paths or tags, with commas between them')
    .action((ids, options, self) => run(self, (context) => list(context, ids, options)))
}

async function list(context: CommandContext, ids: readonly string[], options: SnapshotsOptions): Promise<Outcome> {
  const { output, world } = context
  const read = await withRepository(context, { lock: 'shared', use: 'read' }, (repository, signal) =>
    readSnapshots(repository, { index: 'leave', output }, signal),
  )
  const chosen = selectSnapshots(read.snapshots, ids, snapshotFilter(options, world))
  const snapshots = options.latest === undefined ? chosen : latestOf(chosen, options.latest)
  if (options.groupBy === undefined) {
    if (output.json) output.line(`[${snapshots.map(snapshotJson).join(',')}]`)
    else tellTable(context, snapshots, options)
    return read.outcome
  }
  const groups = groupSnapshots(snapshots, parseGroupBy(options.groupBy))
  if (output.json) output.line(`[${groups.map(groupJson).join(',')}]`)
  else {
    for (const group of groups) {
      output.line(describeGroup(group.key))
      tellTable(context, group.snapshots, options)
    }
  }
  return read.outcome
}

/** The last `count` of each host and set of paths, in their order. */
function latestOf(snapshots: readonly Snapshot[], count: number): Snapshot[] {
  const groups = groupSnapshots(snapshots, groupByHostAndPaths)
  const kept = new Set(groups.flatMap((group) => group.snapshots.slice(-count)))
  return snapshots.filter((snapshot) => kept.has(snapshot))
}

function groupJson({ key, snapshots }: SnapshotGroup): string {
  return `{"group_key":${JSON.stringify(key)},"snapshots":[${snapshots.map(snapshotJson).join(',')}]}`
}

function tellTable({ output }: CommandContext, snapshots: readonly Snapshot[], options: SnapshotsOptions): void {
  for (const line of snapshotTable(snapshots, { compact: options.compact === true })) output.line(line)
  output.line(formatCount(snapshots.length, 'snapshot'))
}

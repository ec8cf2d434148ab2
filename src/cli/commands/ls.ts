import { type Command, Option } from '@commander-js/extra-typings'
import {
  listEntries,
  type ListedNode,
  type ListEvent,
  listOrders,
  type ListOrder,
  sortEntries,
} from '../../operations/list/list-entries.ts'
import { listNodeJson, listSnapshotJson } from '../../operations/list/list-json.ts'
import { ncduText } from '../../operations/list/list-ncdu.ts'
import { findTree } from '../../operations/list/find-path.ts'
import { findSnapshot } from '../../operations/list/select-snapshots.ts'
import { readSnapshots } from '../access/read-snapshots.ts'
import { withRepository } from '../access/with-repository.ts'
import type { CommandContext, RunCommand } from '../command-entry.ts'
import { addExamples } from '../help/examples.ts'
import { collect, collectGroups } from '../options/collect.ts'
import { type FilterOptions, snapshotFilter } from '../options/snapshot-filter.ts'
import { describeSnapshot } from '../output/describe-snapshot.ts'
import { nodeLine, type NodeLineOptions } from '../output/node-line.ts'
import type { Outcome } from '../outcome.ts'

interface LsOptions extends FilterOptions {
  readonly long?: true | undefined
  readonly recursive?: true | undefined
  readonly humanReadable?: true | undefined
  readonly ncdu?: true | undefined
  readonly sort: ListOrder
  readonly reverse?: true | undefined
}

export function define(command: Command, run: RunCommand): void {
  addExamples(command, [
    { line: '-r /srv/backup ls latest', does: 'list everything in the newest snapshot' },
    { line: '-r /srv/backup ls -l latest /home/ann', does: 'list one directory in long form' },
    { line: '-r /srv/backup ls --ncdu latest | ncdu -f -', does: 'look around' },
  ])
  command
    .argument('<snapshot>', 'id, its beginning, or latest; :<folder> behind it begins there')
    .argument('[directories...]', 'only these and what is in them')
    .option('-H, --host <name>', 'latest of this host; may be repeated', collect)
    .option('--tag <tags>', 'latest with all of these tags; may be repeated', collectGroups)
    .option('--path <path>', 'latest of this path; may be repeated', collect)
    .option('-l, --long', 'show mode, owner, group, size and time')
    .option('--recursive', 'with directories: list what lies deeper too')
    .option('--human-readable', 'show sizes in KiB, MiB …')
    .option('--ncdu', 'write what ncdu reads')
    .addOption(new Option('-s, --sort <order>', 'order').choices(listOrders).default('name' as const))
    .option('--reverse', 'the other way round')
    .action((snapshot, directories, options, self) =>
      run(self, (context) => list(context, snapshot, directories, options)),
    )
}

async function list(
  context: CommandContext,
  name: string,
  directories: readonly string[],
  options: LsOptions,
): Promise<Outcome> {
  const { output, world } = context
  return await withRepository(context, { lock: 'shared', use: 'read' }, async (repository, signal) => {
    const { snapshots, outcome } = await readSnapshots(repository, { index: 'load', output }, signal)
    const { snapshot, subfolder } = findSnapshot(snapshots, name, snapshotFilter(options, world))
    const treeId = await findTree(repository, snapshot.tree, subfolder, signal)
    const request = { treeId, directories, recursive: options.recursive ?? false }
    const events = listEntries(repository, request, signal)
    if (options.ncdu === true) {
      for await (const text of ncduText(snapshot, events)) await output.bytes(Buffer.from(text))
      return outcome
    }
    if (output.json) output.line(listSnapshotJson(snapshot))
    else output.notice(`${describeSnapshot(snapshot)}:`)
    const entries =
      options.sort === 'name' && options.reverse !== true ? entriesOf(events) : await sorted(events, options)
    for await (const { path, node } of entries) {
      output.line(output.json ? listNodeJson(path, node) : nodeLine(path, node, lineOptions(options)))
      await output.room()
    }
    return outcome
  })
}

function lineOptions({ long, humanReadable }: LsOptions): NodeLineOptions {
  return { long: long === true, humanReadable: humanReadable === true }
}

async function* entriesOf(events: AsyncIterable<ListEvent>): AsyncGenerator<ListedNode, void, undefined> {
  for await (const event of events) if (event.kind === 'entry') yield event
}

async function sorted(events: AsyncIterable<ListEvent>, { sort, reverse }: LsOptions): Promise<ListedNode[]> {
  const entries = sortEntries(await Array.fromAsync(entriesOf(events)), sort)
  return reverse === true ? entries.reverse() : entries
}

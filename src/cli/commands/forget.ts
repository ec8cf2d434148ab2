import type { Command } from '@commander-js/extra-typings'
import { parseKeepCount } from '../../operations/forget/forget-policy.ts'
import { parseGroupBy } from '../../operations/forget/group-snapshots.ts'
import { parseLongDuration } from '../../operations/forget/long-duration.ts'
import type { RunCommand } from '../command-entry.ts'
import { addExamples } from '../help/examples.ts'
import { argumentParser } from '../options/argument-parser.ts'
import { collect, collectGroups } from '../options/collect.ts'
import { addPruneOptions, readPruneOptions } from '../options/prune-options.ts'

const count = argumentParser(parseKeepCount)
const span = argumentParser(parseLongDuration)

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Removes snapshots: those that are named, or those that no --keep rule keeps. The rules are applied to each host ' +
      'and set of paths on its own. The data of removed snapshots goes with --prune, or with the next prune.',
  )
  addExamples(command, [
    { line: '-r /srv/backup forget --keep-daily 7 --keep-weekly 4 --keep-monthly 12 --dry-run', does: 'try a rule' },
    { line: '-r /srv/backup forget --keep-within 1y --prune', does: 'keep a year, and free the room' },
    { line: '-r /srv/backup forget 5a3f12', does: 'remove one snapshot' },
  ])
  command
    .argument('[ids...]', 'snapshots to remove: ids, their beginnings, or latest')
    .option('-l, --keep-last <count>', 'keep the last ones (or unlimited)', count)
    .option('-H, --keep-hourly <count>', 'keep the last one of each of so many hours', count)
    .option('-d, --keep-daily <count>', 'keep the last one of each of so many days', count)
    .option('-w, --keep-weekly <count>', 'keep the last one of each of so many weeks', count)
    .option('-m, --keep-monthly <count>', 'keep the last one of each of so many months', count)
    .option('-y, --keep-yearly <count>', 'keep the last one of each of so many years', count)
    .option('--keep-within <duration>', 'keep all that are newer, such as 1y5m7d2h, counted from the latest', span)
    .option('--keep-within-hourly <duration>', 'keep hourly ones that are newer', span)
    .option('--keep-within-daily <duration>', 'keep daily ones that are newer', span)
    .option('--keep-within-weekly <duration>', 'keep weekly ones that are newer', span)
    .option('--keep-within-monthly <duration>', 'keep monthly ones that are newer', span)
    .option('--keep-within-yearly <duration>', 'keep yearly ones that are newer', span)
    .option('--keep-tag <tags>', 'keep those with all of these tags; may be repeated', collectGroups)
    .option('--host <name>', 'only look at this host; may be repeated', collect)
    .option('--tag <tags>', 'only look at those with all of these tags; may be repeated', collectGroups)
    .option('--path <path>', 'only look at this path; may be repeated', collect)
    .option('-g, --group-by <words>', 'what is kept on its own: host, paths, tags', argumentParser(parseGroupBy))
    .option('--unsafe-allow-remove-all', 'without a --keep rule: remove all that --host, --tag or --path let through')
    .option('-c, --compact', 'one short line for each')
    .option('-n, --dry-run', 'remove nothing, only show what would be done')
    .option('--prune', 'prune afterwards, where something was removed')
    .action((ids, options, self) =>
      run(self, async (context) => {
        const { runForget } = await import('./run-forget.ts')
        return await runForget(context, ids, { ...options, pruneOptions: readPruneOptions(self) })
      }),
    )
  addPruneOptions(command)
}

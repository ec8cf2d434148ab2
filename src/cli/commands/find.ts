import type { Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../command-entry.ts'
import { addExamples } from '../help/examples.ts'
import { collect, collectGroups } from '../options/collect.ts'
import { parseTime } from '../options/parse-time.ts'

export function define(command: Command, run: RunCommand): void {
  command.description('Finds files and directories by their names in all snapshots, or the users of blobs.')
  addExamples(command, [
    { line: '-r /srv/backup find "*.conf"', does: 'find names in all snapshots' },
    { line: '-r /srv/backup find -l --newest 2026-01-31 /home/ann/letter.txt', does: 'find old states of a file' },
    { line: '-r /srv/backup find --blob 1d3f7c2a', does: 'find which files use a blob' },
  ])
  command
    .argument('<patterns...>', 'patterns in which * and ? stay within a name and ** is any number of directories')
    .option('-H, --host <name>', 'only in snapshots of this host; may be repeated', collect)
    .option('--tag <tags>', 'only in snapshots with all of these tags; may be repeated', collectGroups)
    .option('--path <path>', 'only in snapshots of this path; may be repeated', collect)
    .option('-s, --snapshot <id>', 'only in this snapshot; may be repeated', collect)
    .option('-O, --oldest <time>', 'only what was modified then or later', parseTime)
    .option('-N, --newest <time>', 'only what was modified then or earlier', parseTime)
    .option('-i, --ignore-case', 'be blind to upper and lower case')
    .option('-R, --reverse', 'search the oldest snapshots first')
    .option('-l, --long', 'show mode, owner, group, size and time')
    .option('--human-readable', 'show sizes in KiB, MiB …')
    .option('--blob', 'the patterns are ids of data blobs')
    .option('--tree', 'the patterns are ids of trees')
    .action((patterns, options, self) =>
      run(self, async (context) => {
        const { runFind } = await import('./run-find.ts')
        return await runFind(context, patterns, options)
      }),
    )
}

import { type Command, Option } from '@commander-js/extra-typings'
import { overwriteRules } from '../../operations/restore/overwrite-rule.ts'
import type { RunCommand } from '../command-entry.ts'
import { addExamples } from '../help/examples.ts'
import { collect, collectGroups } from '../options/collect.ts'
import { parseWorkers } from '../options/parse-count.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Writes a snapshot, or a part of it, into a directory. Every piece is verified before it is written; what is ' +
      'there already and right is kept, so a restore that was stopped goes on when it is run again. Nothing is ever ' +
      'written outside the target. What could not be restored is named, and the exit code is 3 then.',
  )
  addExamples(command, [
    { line: '-r /srv/backup restore latest --target /tmp/restored', does: 'restore everything' },
    { line: '-r /srv/backup restore latest:/home/ann --target /home/ann', does: 'restore a folder to its place' },
    {
      line: '-r /srv/backup restore 5a3f12 -t /tmp/r --include "*.conf" --verify',
      does: 'restore some files, and read them back',
    },
    { line: '-r /srv/backup restore latest -t /srv/site --dry-run', does: 'see what would be written' },
  ])
  command
    .argument('<snapshot>', 'id, its beginning, or latest; :<folder> behind it restores what is in that folder')
    .requiredOption('-t, --target <folder>', 'where to write')
    .option('-H, --host <name>', 'latest of this host; may be repeated', collect)
    .option('--tag <tags>', 'latest with all of these tags; may be repeated', collectGroups)
    .option('--path <path>', 'latest of this path; may be repeated', collect)
    .option('-i, --include <pattern>', 'only what matches, in gitignore syntax; may be repeated', collect)
    .option('--include-file <file>', 'read such patterns from a file; may be repeated', collect)
    .option('-e, --exclude <pattern>', 'not what matches, in gitignore syntax; may be repeated', collect)
    .option('--exclude-file <file>', 'read such patterns from a file; may be repeated', collect)
    .addOption(
      new Option('--overwrite <rule>', 'which files that are there may be changed')
        .choices(overwriteRules)
        .default('always' as const),
    )
    .option('--sparse', 'leave out blocks of zeros, so that they take no room (this is so by default)')
    .option('--no-sparse', 'write blocks of zeros too')
    .option('--verify', 'read everything back at the end and compare it')
    .option('-n, --dry-run', 'write nothing, only show what would be done')
    .option('--workers <count>', 'number of threads (else one for each core)', parseWorkers)
    .action((snapshot, options, self) =>
      run(self, async (context) => {
        const { runRestore } = await import('./run-restore.ts')
        return await runRestore(context, snapshot, options)
      }),
    )
}

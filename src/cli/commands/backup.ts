import type { Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../command-entry.ts'
import { addExamples } from '../help/examples.ts'
import { collect, collectList } from '../options/collect.ts'
import { parseWorkers } from '../options/parse-count.ts'
import { parseSize } from '../options/parse-size.ts'
import { parseTime } from '../options/parse-time.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Stores files and directories in a new snapshot. What can not be read is named, and the exit code is 3 then.',
  )
  addExamples(command, [
    { line: '-r /srv/backup backup /home /etc', does: 'back up two directories' },
    { line: '-r /srv/backup backup --tag daily --exclude "*.o" --exclude-caches ~/work', does: 'leave things out' },
    {
      line: '-r /srv/backup backup --one-file-system --dry-run -v /',
      does: 'see what a backup of a machine would store',
    },
    {
      line: '-r /srv/backup backup --files-from-raw <(find . -newer last -print0)',
      does: 'back up what a program lists',
    },
  ])
  command
    .argument('[paths...]', 'files and directories')
    .option('--tag <tags>', 'tags of the snapshot, with commas between them; may be repeated', collectList)
    .option('-H, --host <name>', 'host of the snapshot (or $RESTIC_HOST; else the name of this machine)')
    .option('--time <time>', 'time of the snapshot (else now)', parseTime)
    .option('-e, --exclude <pattern>', 'leave out what matches, in gitignore syntax; may be repeated', collect)
    .option('--iexclude <pattern>', 'the same, blind to upper and lower case', collect)
    .option('--exclude-file <file>', 'read such patterns from a file; may be repeated', collect)
    .option('--iexclude-file <file>', 'the same, blind to upper and lower case', collect)
    .option('--exclude-caches', 'leave out directories that are marked as caches by a CACHEDIR.TAG')
    .option('--exclude-if-present <name>', 'leave out directories that hold <name>, or <name>:<beginning>', collect)
    .option('--exclude-larger-than <size>', 'leave out files larger than this (500K, 16M, 2G)', parseSize)
    .option('-x, --one-file-system', 'stay in the file systems of the paths')
    .option('--files-from <file>', 'read paths and patterns from a file, one a line; - is stdin', collect)
    .option('--files-from-verbatim <file>', 'read paths from a file, one a line', collect)
    .option('--files-from-raw <file>', 'read paths from a file, each ended by a zero byte', collect)
    .option('--parent <snapshot>', 'go on from this snapshot (else the latest of this host and these paths)')
    .option('-f, --force', 'read every file, whether it looks changed or not')
    .option('--with-atime', 'store when files were read last')
    .option('--skip-if-unchanged', 'store no snapshot where nothing changed since the parent')
    .option('-n, --dry-run', 'store nothing, only show what would be stored')
    .option('--workers <count>', 'number of threads (else one for each core)', parseWorkers)
    .action((paths, options, self) =>
      run(self, async (context) => {
        const { runBackup } = await import('./run-backup.ts')
        return await runBackup(context, paths, options)
      }),
    )
}

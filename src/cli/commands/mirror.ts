import type { Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../command-entry.ts'
import { addExamples } from '../help/examples.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Makes a second place hold the same objects as the repository, by name. Each object is compared with the SHA-256 ' +
      'that is its name before it is written. It needs no password; with one it takes locks, so that nobody removes ' +
      'data meanwhile.',
  )
  addExamples(command, [
    { line: '-r /srv/backup mirror --to /mnt/second/backup', does: 'copy what is missing' },
    { line: '-r /srv/backup mirror --to /mnt/second/backup --delete', does: 'remove there what was pruned here' },
    { line: '-r /srv/backup mirror --to /mnt/second/backup --verify', does: 'read the whole second copy too' },
  ])
  command
    .requiredOption('--to <place>', 'the second place')
    .option('--delete', 'remove what the second place has and the repository has not, after all was copied')
    .option('--verify', 'read every object of the second place and compare it with its name')
    .option('-n, --dry-run', 'write nothing, only show what would be done')
    .action((options, self) =>
      run(self, async (context) => {
        const { runMirror } = await import('./run-mirror.ts')
        return await runMirror(context, options)
      }),
    )
}

import type { Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../command-entry.ts'
import { addExamples } from '../help/examples.ts'
import { collect } from '../options/collect.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Reads every object of the repository, finds those whose bytes are not those of their names or that are missing, ' +
      'and puts the bytes of another copy in their place. Bytes are verified before they are written and read back ' +
      'afterwards. It needs no password; with one it also proves the config, and takes a lock.',
  )
  addExamples(command, [
    { line: '-r /srv/backup heal --from /mnt/second/backup', does: 'mend the repository from its mirror' },
    { line: '-r /srv/backup heal --from /mnt/second/backup --both', does: 'verify both, and mend each from the other' },
    { line: '-r /srv/backup heal --from /mnt/second/backup --dry-run', does: 'only look' },
  ])
  command
    .requiredOption('--from <place>', 'another copy of the same repository, made by mirror')
    .option('--both', 'verify and mend the other copy too')
    .option('--leave-absent', 'mend what is damaged, but bring nothing back that is missing')
    .option('--object <name>', 'look at this object only, such as data/ab/abcd…; may be repeated', collect)
    .option('-n, --dry-run', 'write nothing, only show what would be done')
    .action((options, self) =>
      run(self, async (context) => {
        const { runHeal } = await import('./run-heal.ts')
        return await runHeal(context, options)
      }),
    )
}

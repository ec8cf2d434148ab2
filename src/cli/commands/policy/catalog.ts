import type { Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'The catalog remembers what was done. What it knows of backups can be read anew from the repositories.',
  )
  command
    .command('rebuild')
    .summary('read the backups anew from the repositories')
    .description(
      'Reads the backups and their copies from every repository of the environment and puts them in the place of what ' +
        'the catalog says. Needs the keyring and the locations, and nothing else. Where a location is away, nothing is ' +
        'replaced unless --partly says so.',
    )
    .option('--partly', 'go on with the locations that can be read')
    .action((options, self) =>
      run(self, async (context) => {
        const { runRebuild } = await import('./run-rebuild.ts')
        return await runRebuild(context, options)
      }),
    )
  addExamples(command, [{ line: 'catalog rebuild', does: 'after the state folder was lost' }])
}

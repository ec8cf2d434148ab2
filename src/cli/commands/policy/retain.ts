import type { Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Removes the backups that the policy keeps no longer, at every location. Every backup does this by itself after it ' +
      'succeeded. A backup goes only when it is neither among the last copies nor younger than the age of its kind; ' +
      'nothing goes while newer backups fail, nor the newest that was proven to restore.',
  )
  addExamples(command, [{ line: 'retain --dry-run', does: 'show each backup with what becomes of it, and why' }])
  command
    .argument('[sources...]', 'names of sources; all where none is given')
    .option('-n, --dry-run', 'remove nothing, only show the plan')
    .action((sources, options, self) =>
      run(self, async (context) => {
        const { runRetain } = await import('./run-retain.ts')
        return await runRetain(context, sources, options)
      }),
    )
}

import type { Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Copies to the secondary location what it lacks of the primary, and reads back what was copied. Every backup does ' +
      'this by itself; this catches up after the secondary location was away.',
  )
  addExamples(command, [
    { line: 'replicate', does: 'copy what is missing' },
    { line: 'replicate --fill-empty', does: 'fill a new secondary location in the place of a lost one' },
  ])
  command
    .option('--fill-empty', 'fill a secondary location that is empty although backups were copied to it')
    .action((options, self) =>
      run(self, async (context) => {
        const { runReplicate } = await import('./run-replicate.ts')
        return await runReplicate(context, options)
      }),
    )
}

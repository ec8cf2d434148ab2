import type { Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'The pre-operation backup: backs a SQLite source up, restores that backup beside and compares it, and only then runs ' +
      'the command, whose exit code becomes that of this one. Where the backup fails or is not proven, the command is not ' +
      'run. Both are put on record.',
  )
  addExamples(command, [
    { line: 'guard orders -- ./migrate.sh', does: 'back up, prove, then run the migration' },
    { line: 'guard orders --restore-on-failure -- ./migrate.sh', does: 'and put the database back if it fails' },
  ])
  command
    .argument('<source>', 'name of a SQLite source of the policy')
    .argument('<command...>', 'the command, after "--"; no shell reads it')
    .option('--restore-on-failure', 'put the database back as it was where the command fails')
    .action((source, words, options, self) =>
      run(self, async (context) => {
        const { runGuard } = await import('./run-guard.ts')
        return await runGuard(context, source, words, options)
      }),
    )
}

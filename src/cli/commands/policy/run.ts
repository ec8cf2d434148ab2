import type { Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Does what is due now, once, and ends: what `serve` does without staying. For timers: packaging/ has one for ' +
      'systemd. The exit code is that of the worst run; 0 where nothing was due.',
  )
  addExamples(command, [{ line: 'run --due', does: 'do what is due' }])
  command.requiredOption('--due', 'do what is due').action((_options, self) =>
    run(self, async (context) => {
      const { runDue } = await import('./run-due.ts')
      return await runDue(context)
    }),
  )
}

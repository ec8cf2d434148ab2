import type { Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Reads every object of the backups and of the stored WAL at both locations, and mends what is damaged or lost in one from the other. ' +
      'With -r <place> it mends one repository from a copy instead: `zakops-backup -r <place> heal --help`.',
  )
  addExamples(command, [
    { line: 'heal', does: 'mend each location from the other' },
    { line: 'heal --dry-run', does: 'only look' },
  ])
  command.option('-n, --dry-run', 'write nothing, only show what would be done').action((options, self) =>
    run(self, async (context) => {
      const { runPolicyHeal } = await import('./run-heal.ts')
      return await runPolicyHeal(context, options)
    }),
  )
}

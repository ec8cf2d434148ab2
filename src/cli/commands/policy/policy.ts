import type { Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'

export function define(command: Command, run: RunCommand): void {
  command.description('Checks a policy file, shows what it means, and compares it with another.')
  addExamples(command, [{ line: 'policy check', does: 'hear of every fault of ./zakops-backup.yaml at once' }])
  command
    .command('check')
    .summary('look for faults in the policy')
    .description(
      'Reads the policy file and tells every fault at once, each with its line. Exits 0 where there is none, else 2.',
    )
    .action((_, self) =>
      run(self, async (context) => {
        const { runCheckPolicy } = await import('./run-policy.ts')
        return await runCheckPolicy(context)
      }),
    )
}

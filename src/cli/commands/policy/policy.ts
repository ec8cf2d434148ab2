import type { Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'

export function define(command: Command, run: RunCommand): void {
  command.description('Checks a policy file, shows what it means, and compares it with another.')
  addExamples(command, [
    { line: 'policy check', does: 'hear of every fault of ./zakops-backup.yaml at once' },
    { line: 'policy show', does: 'read what it means, and what is due next' },
    { line: 'policy diff zakops-backup.yaml.old', does: 'see what changed, and what of it weakens the policy' },
    { line: 'policy schema > zakops-backup.schema.json', does: 'let an editor complete it' },
  ])
  command
    .command('check')
    .summary('look for faults in the policy')
    .description(
      'Reads the policy file and tells every fault at once, each with its line, what was found and what is wanted. ' +
        'Exits 0 where there is none, else 2.',
    )
    .action((_, self) =>
      run(self, async (context) => {
        const { runCheckPolicy } = await import('./run-policy.ts')
        return await runCheckPolicy(context)
      }),
    )
  command
    .command('show')
    .summary('show the effective policy in words, and the next due times')
    .action((_, self) =>
      run(self, async (context) => {
        const { runShowPolicy } = await import('./run-policy.ts')
        return await runShowPolicy(context)
      }),
    )
  command
    .command('diff')
    .summary('say what changed since an older policy file')
    .description('Says in words what changed since an older policy file, and which changes weaken the policy.')
    .argument('<file>', 'the older policy file')
    .action((file, _, self) =>
      run(self, async (context) => {
        const { runDiffPolicy } = await import('./run-policy.ts')
        return await runDiffPolicy(context, file)
      }),
    )
  command
    .command('schema')
    .summary('print the JSON Schema of the policy file, for editors')
    .action((_, self) =>
      run(self, async (context) => {
        const { printPolicySchema } = await import('./run-policy.ts')
        return printPolicySchema(context)
      }),
    )
}

import { type Command, Option } from '@commander-js/extra-typings'
import type { RunCommand } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Backs up sources of the policy, copies the backups to the secondary location, and applies retention. The first ' +
      'backup of a source is a full one; later ones are incremental unless --kind says otherwise. Each is complete ' +
      'in itself. With -r <place> it backs up paths into one repository instead: `zakops-backup -r <place> backup --help`.',
  )
  addExamples(command, [
    { line: 'backup', does: 'back up every source of the policy' },
    { line: 'backup documents --kind full', does: 'read every byte of one source and of what it relies on' },
    { line: 'backup --json', does: 'one line of JSON a backup' },
  ])
  command
    .argument('[sources...]', 'names of sources of the policy; all where none is given')
    .addOption(new Option('--kind <kind>', 'full or incremental').choices(['full', 'incremental'] as const))
    .action((sources, options, self) =>
      run(self, async (context) => {
        const { runPolicyBackup } = await import('./run-backup.ts')
        return await runPolicyBackup(context, sources, options)
      }),
    )
}

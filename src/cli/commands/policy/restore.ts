import { type Command, Option } from '@commander-js/extra-typings'
import { locationNames } from '../../../model/policy/policy.ts'
import type { RunCommand } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Restores a backup of a source into a folder, and compares what is there then with what was in the source when it ' +
      'was backed up. Files keep their full paths below the folder; a database stands in it under its own name; of a ' +
      'PostgreSQL server its data directory. Nothing in production is touched. With -r <place> it restores a snapshot ' +
      'of one repository instead: `zakops-backup -r <place> restore --help`.',
  )
  addExamples(command, [
    { line: 'restore documents --to /tmp/back', does: 'the newest complete backup of a source' },
    { line: 'restore orders 1a6613fd --to /tmp/back', does: 'that backup' },
    { line: 'restore documents --to /tmp/back --location secondary', does: 'from the off-site copy' },
  ])
  command
    .argument('<source>', 'name of a source of the policy')
    .argument('[backup]', '`latest`, or the beginning of the id of a backup', 'latest')
    .requiredOption('--to <folder>', 'where to restore to; made where it is missing')
    .addOption(new Option('--location <location>', 'from this copy only').choices(locationNames))
    .action((source, backup, options, self) =>
      run(self, async (context) => {
        const { runPolicyRestore } = await import('./run-restore.ts')
        return await runPolicyRestore(context, { source, backup, ...options })
      }),
    )
}

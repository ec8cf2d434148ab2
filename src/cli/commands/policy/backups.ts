import type { Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Lists the backups of the policy, oldest first: when, of what, which kind, and where its copies are.',
  )
  addExamples(command, [
    { line: 'backups', does: 'all of them' },
    { line: 'backups documents', does: 'those of one source' },
  ])
  command.argument('[source]', 'name of a source of the policy').action((source, _options, self) =>
    run(self, async (context) => {
      const { runBackupsList } = await import('./run-backups-list.ts')
      return await runBackupsList(context, source)
    }),
  )
}

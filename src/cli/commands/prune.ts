import type { Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../command-entry.ts'
import { addExamples } from '../help/examples.ts'
import { addPruneOptions, readPruneOptions } from '../options/prune-options.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Removes data that no snapshot needs: packs without any used piece, and packs with few used ones after these were ' +
      'copied to new packs. It may be stopped at any moment; the next run goes on.',
  )
  addExamples(command, [
    { line: '-r /srv/backup prune --dry-run', does: 'see what would be removed' },
    { line: '-r /srv/backup prune', does: 'remove it' },
    { line: '-r /srv/backup prune --max-repack-size 0', does: 'free room where none is left for copies' },
  ])
  command.option('-n, --dry-run', 'change nothing, only show what would be done').action((options, self) =>
    run(self, async (context) => {
      const { runPrune } = await import('./run-prune.ts')
      return await runPrune(context, { dryRun: options.dryRun === true, options: readPruneOptions(self) })
    }),
  )
  addPruneOptions(command)
}

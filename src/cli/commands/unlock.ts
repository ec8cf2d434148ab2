import type { Command } from '@commander-js/extra-typings'
import { removeAllLocks, removeStaleLocks } from '../../repository/locks.ts'
import { lockOwner } from '../access/take-lock.ts'
import { withRepository } from '../access/with-repository.ts'
import type { CommandContext, RunCommand } from '../command-entry.ts'
import { addExamples } from '../help/examples.ts'
import { formatCount } from '../output/format-count.ts'
import type { Outcome } from '../outcome.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Removes the locks whose owners are gone: processes of this machine that ended, and locks that nobody refreshed ' +
      'for half an hour. Every command does that by itself; locks of others stay.',
  )
  addExamples(command, [
    { line: '-r /srv/backup repo unlock', does: 'remove what was left behind' },
    { line: '-r /srv/backup repo unlock --remove-all', does: 'remove all, when it is sure that nobody works there' },
  ])
  command
    .option('--remove-all', 'remove all locks, even those that are in use')
    .action((options, self) => run(self, (context) => unlock(context, options.removeAll === true)))
}

async function unlock(context: CommandContext, isAll: boolean): Promise<Outcome> {
  const { world, output } = context
  const removed = await withRepository(context, { lock: 'none', use: 'write' }, (repository, signal) =>
    isAll
      ? removeAllLocks(repository, signal)
      : removeStaleLocks(repository, { owner: lockOwner(world), clock: world.clock }, signal),
  )
  if (output.json) output.document({ message_type: 'unlock', removed })
  else output.line(`removed ${formatCount(removed, 'lock')}`)
  return 'done'
}

import { type Command, Option } from '@commander-js/extra-typings'
import { locationNames } from '../../../model/policy/policy.ts'
import type { RunCommand } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    "PostgreSQL's write-ahead log: what lies between two snapshots, so that a server can be recovered to any time. It comes " +
      'in by a receiver (`serve` where the policy says `wal: { receive: true }`, or `wal receive`), by `wal push` as ' +
      "archive_command, or both. It is stored at the primary location, sealed under the active generation's key.",
  )
  definePush(command, run)
  defineFetch(command, run)
  command
    .command('check')
    .summary('look for gaps in the stored log')
    .description(
      'Tells, for each timeline, from when to when the stored log is whole, from the oldest kept snapshot to now, what lacks in ' +
        'segments and in time, and how the replication slot stands. Exits 3 where something lacks.',
    )
    .argument('[source]', 'name of a PostgreSQL source; all where none is given')
    .action((source, _options, self) =>
      run(self, async (context) => {
        const { runWalCheck } = await import('./run-wal-check.ts')
        return await runWalCheck(context, source)
      }),
    )
  command
    .command('receive')
    .summary("receive a server's log in the foreground")
    .description(
      'Receives the log of a server as it is written, until it is stopped. The server is told of nothing that is not stored, ' +
        'so its slot keeps whatever is not: this may be killed at any time. `serve` does the same where the policy says so.',
    )
    .argument('<source>', 'name of a PostgreSQL source')
    .action((source, _options, self) =>
      run(self, async (context) => {
        const { runWalReceive } = await import('./run-wal-receive.ts')
        return await runWalReceive(context, source)
      }),
    )
  addExamples(command, [
    { line: 'wal push %p --source main', does: 'as archive_command' },
    { line: 'wal fetch %f %p --source main', does: 'as restore_command' },
    { line: 'wal check', does: 'is all there that a recovery needs?' },
    { line: 'wal receive main', does: 'receive in the foreground' },
  ])
}

function definePush(command: Command, run: RunCommand): void {
  command
    .command('push')
    .summary('store a file of the log: archive_command')
    .description(
      'Stores a file that PostgreSQL hands over; when it ends with 0 the file is durable. The same file again is no fault, ' +
        'another one under the same name is refused. After any other exit code PostgreSQL keeps the file and tries again.',
    )
    .argument('<path>', 'what archive_command gives for %p')
    .option('--source <name>', 'name of the source; may be left out where the policy has one PostgreSQL source')
    .action((path, options, self) =>
      run(self, async (context) => {
        const { runWalPush } = await import('./run-wal-push.ts')
        return await runWalPush(context, path, options.source)
      }),
    )
}

function defineFetch(command: Command, run: RunCommand): void {
  command
    .command('fetch')
    .summary('bring a file of the log back: restore_command')
    .description(
      'Writes a stored file to where PostgreSQL wants it, verified, and fetches the next ones ahead. Ends with 0; with 1 ' +
        'where there is no such file, by which a recovery ends in good order; with 200 for anything else, which stops it: ' +
        'also where the primary location can not be asked, since what is not found may lie there.',
    )
    .argument('<name>', 'what restore_command gives for %f')
    .argument('<path>', 'what it gives for %p')
    .option('--source <name>', 'name of the source; may be left out where the policy has one PostgreSQL source')
    .option(
      '--spool <folder>',
      'where segments that were fetched ahead wait, named after the system: handed over at once',
    )
    .addOption(new Option('--location <location>', 'ask this copy only, and end where it ends').choices(locationNames))
    .action((name, path, options, self) =>
      run(self, async (context) => {
        const { runWalFetch } = await import('./run-wal-fetch.ts')
        const { source, location, spool } = options
        const wanted = { source, location, spool }
        return await runWalFetch(context, { name, path, ...wanted })
      }),
    )
}

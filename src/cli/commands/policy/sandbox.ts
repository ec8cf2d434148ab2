import type { Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'A private PostgreSQL server on any backup, for a look or a query: on a socket that only you can reach, with archiving, ' +
      'jobs and background workers off. It is compared with what was in the server when it was backed up, and that proof ' +
      'is put on record. PostgreSQL of the same major version must be installed.',
  )
  command
    .command('start')
    .summary('start a server on a backup, and prove the backup')
    .description(
      'Restores a physical backup into a folder of its own below TMPDIR (else /var/tmp), starts a server on it, and ' +
        "compares rows, schemas, sequences and roles with the backup's manifest, and asks the policy's assertions. The server " +
        'stays until `sandbox stop`.',
    )
    .argument('<source>', 'name of a PostgreSQL source of the policy')
    .argument('[backup]', '`latest`, or the beginning of the id of a backup', 'latest')
    .option('--owner <user>', 'whom the server runs as where you are root (else "postgres")')
    .option('--amcheck', 'check every table and index too')
    .action((source, backup, options, self) =>
      run(self, async (context) => {
        const { runSandboxStart } = await import('./run-sandbox.ts')
        return await runSandboxStart(context, { source, backup, ...options })
      }),
    )
  command
    .command('stop')
    .summary('end a server')
    .description('Ends a server and removes its folders. The data folder of a recovery to a point in time stays.')
    .argument('<name>', 'what `sandbox start`, `sandbox list` or `restore` calls it')
    .action((name, _options, self) =>
      run(self, async (context) => {
        const { runSandboxStop } = await import('./run-sandbox.ts')
        return await runSandboxStop(context, name)
      }),
    )
  command
    .command('list')
    .summary('list the servers')
    .description('Lists the private servers of this machine, also those that ended and left their folders.')
    .action((_options, self) =>
      run(self, async (context) => {
        const { runSandboxList } = await import('./run-sandbox.ts')
        return await runSandboxList(context)
      }),
    )
  addExamples(command, [
    { line: 'sandbox start main', does: 'the newest backup' },
    { line: 'sandbox start main 1a6613fd --amcheck', does: 'that one, checked in depth' },
    { line: 'sandbox list', does: 'what runs' },
    { line: 'sandbox stop Xk3f9a', does: 'end it' },
  ])
}

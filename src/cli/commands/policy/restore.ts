import { type Command, Option } from '@commander-js/extra-typings'
import { locationNames } from '../../../model/policy/policy.ts'
import type { RunCommand } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'
import { collect } from '../../options/collect.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Restores a backup of a source into a folder, and compares what is there then with what was in the source when it ' +
      'was backed up. Files keep their full paths below the folder; a database stands in it under its own name; of a ' +
      'PostgreSQL server its data directory. With --into it recovers a PostgreSQL server to a point in time: --to is ' +
      '"latest", a time (UTC where it names no zone), a position such as 16/B374D848, the number of a transaction, or ' +
      'the name of a restore point ("time:", "lsn:", "xid:" and "name:" before it say what it is). Whether the stored ' +
      'log reaches it is known before anything is written; then a private server replays it, stops there and stays ' +
      'until `sandbox stop`. Nothing in production is touched. With -r <place> it restores a snapshot of one ' +
      'repository instead: `zakops-backup -r <place> restore --help`.',
  )
  addExamples(command, [
    { line: 'restore documents --to /tmp/back', does: 'the newest complete backup of a source' },
    { line: 'restore orders 1a6613fd --to /tmp/back', does: 'that backup' },
    { line: 'restore documents --to /tmp/back --location secondary', does: 'from the off-site copy' },
    {
      line: "restore postgresql main --to '2026-11-25 14:00:00+01' --into /srv/recovered",
      does: 'a server as it was then, paused for a look',
    },
    {
      line: 'restore postgresql main --to latest --into /srv/recovered --promote',
      does: 'all there is, to go on with',
    },
  ])
  command
    .argument('<source>', 'name of a source of the policy; `postgresql` may stand before it')
    .argument('[backup]', '`latest`, or the beginning of the id of a backup', 'latest')
    .requiredOption('--to <folder>', 'where to restore to, made where it is missing; with --into, the target in time')
    .addOption(new Option('--location <location>', 'from this copy only').choices(locationNames))
    .option('--into <folder>', 'recover a PostgreSQL server to a point in time into this new folder')
    .option('--timeline <number>', 'with --into: the timeline to follow, or "latest" (the default)')
    .option('--owner <user>', 'with --into: whom the server runs as where you are root (else "postgres")')
    .option('--tablespace-map <old=new>', 'with --into: where a tablespace goes; may be repeated', collect)
    .option('--no-start', 'with --into: make it ready, and let me start the server')
    .addOption(new Option('--promote', 'with --into: let it be written to at the target').conflicts('pause'))
    .option('--pause', 'with --into: stand still at the target (the default)')
    .action((source, backup, options, self) =>
      run(self, async (context) => {
        if (options.into !== undefined) {
          const { runRecover } = await import('./run-recover.ts')
          return await runRecover(context, { words: [source, backup], ...options, into: options.into })
        }
        const { requireNoRecoveryOptions } = await import('./recovery-options.ts')
        requireNoRecoveryOptions(options)
        const { runPolicyRestore } = await import('./run-restore.ts')
        return await runPolicyRestore(context, { source, backup, ...options })
      }),
    )
}

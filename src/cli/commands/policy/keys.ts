import type { Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'
import { parseCount } from '../../options/parse-count.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Shows and changes the keyring of the policy: the keys of its backups, kept apart from them. Each use is put on record.',
  )
  addExamples(command, [
    { line: 'keys list', does: 'see each generation of keys, and when the next rotation is due' },
    { line: 'keys rotate --if-due', does: 'start a new generation where the year is over' },
    { line: 'keys rewrap --new-passphrase file:/etc/zakops-backup/new', does: 'change the passphrase of the keyring' },
    {
      line: 'keys export --to /media/safe/keyring.json',
      does: 'put a copy for the safe under a passphrase of its own',
    },
    { line: 'keys import /media/safe/keyring.json', does: 'bring the keys of such a copy back' },
    {
      line: 'keys export --restic --password-file pw --into /tmp/copy',
      does: 'let stock restic open a copy of a repository',
    },
  ])
  command
    .command('list')
    .summary('list the generations of keys')
    .action((_, self) => run(self, async (context) => (await import('./run-keys.ts')).runKeysList(context)))
  command
    .command('rotate')
    .summary('start a new generation')
    .description(
      'Makes a new master key for the backups from now on, and wraps all keys anew. Old backups can be restored until they expire.',
    )
    .option('--if-due', 'only where the policy says that it is due')
    .action((options, self) =>
      run(self, async (context) => (await import('./run-keys.ts')).runKeysRotate(context, options)),
    )
  command
    .command('rewrap')
    .summary('change what opens the keyring')
    .description(
      'Wraps all keys by a new key-encryption key, which a new passphrase or key file opens; without either option the one in use.',
    )
    .option('--new-passphrase <reference>', 'where the new passphrase is: env:NAME or file:PATH')
    .option('--new-key-file <file>', 'the new key file; made where it is not there')
    .action((options, self) =>
      run(self, async (context) => (await import('./run-keys-secret.ts')).runKeysRewrap(context, options)),
    )
  command
    .command('export')
    .summary('write the keys for the safe, or for stock restic')
    .description(
      'With --to: the whole keyring in a file that a passphrase opens (--password-file, or asked for). With --restic and --into: ' +
        'a standard restic key in a copy of a repository.',
    )
    .option('--to <file>', 'file that the keyring is exported to')
    .option('--restic', 'write a key for stock restic')
    .option('--into <copy>', 'the copy of a repository that gets the restic key')
    .option('--generation <number>', 'the generation that the copy is of; found out where it is not given', parseCount)
    .action((options, self) =>
      run(self, async (context) => (await import('./run-keys-export.ts')).runKeysExport(context, options)),
    )
  command
    .command('import')
    .summary('bring back the keys of an export')
    .description(
      'Adds the generations of an export that the keyring has not; where the keyring is lost, makes it anew. The passphrase of ' +
        'the export comes from --password-file, or is asked for.',
    )
    .argument('<file>', 'the export')
    .action((file, _, self) =>
      run(self, async (context) => (await import('./run-keys-export.ts')).runKeysImport(context, file)),
    )
  command
    .command('check')
    .summary('open every key and look for faults')
    .description(
      'Opens and verifies every key, looks at the version before, at who may read the files, and that keys and backups are apart. ' +
        'Exits 5 where something must be mended.',
    )
    .action((_, self) => run(self, async (context) => (await import('./run-keys.ts')).runKeysCheck(context)))
}

import type { Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'
import { collect } from '../../options/collect.ts'
import { parseCount } from '../../options/parse-count.ts'

/** Holders of shares that are named when nobody says otherwise. */
const sharesDefault = 5
const thresholdDefault = 3

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
      line: 'keys import --share share-1.txt --share share-4.txt --share share-5.txt',
      does: 'bring the keys back by the recovery kit',
    },
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
    .summary('bring back the keys of an export, or of the recovery kit')
    .description(
      'Adds the generations of an export that the keyring has not; where the keyring is lost, makes it anew, and its key file ' +
        'too. The passphrase of the export comes from --password-file, or is asked for. Shares of the recovery kit serve in place of an export.',
    )
    .argument('[file]', 'the export')
    .option('--share <file>', 'file of a share of the recovery kit, in place of an export; to be repeated', collect, [])
    .action((file, options, self) =>
      run(self, async (context) => (await import('./run-keys-export.ts')).runKeysImport(context, { file, ...options })),
    )
  command
    .command('check')
    .summary('open every key and look for faults')
    .description(
      'Opens and verifies every key, looks at the version before, at who may read the files, and that keys and backups are apart. ' +
        'Exits 5 where something must be mended.',
    )
    .action((_, self) => run(self, async (context) => (await import('./run-keys.ts')).runKeysCheck(context)))
  defineKit(command, run)
}

function defineKit(command: Command, run: RunCommand): void {
  const kit = command
    .command('kit')
    .summary('make, test and open the recovery kit')
    .description(
      'The recovery kit opens the backups when the keyring is lost: a key split among holders, of whom some must come ' +
        'together. Each share is a page to print and a text file.',
    )
  kit
    .command('create')
    .summary('write the shares of a new kit')
    .description(
      'Writes share-1.html, share-1.txt and so on. Give each holder one, and remove the files. Make a new kit after each ' +
        'rotation of the keys: a kit opens what it knew.',
    )
    .option('--shares <number>', 'how many holders there are', parseCount, sharesDefault)
    .option('--threshold <number>', 'how many of them open the kit', parseCount, thresholdDefault)
    .requiredOption('--to <folder>', 'folder for the shares; made where it is not there')
    .action((options, self) =>
      run(self, async (context) => (await import('./run-keys-kit.ts')).runKitCreate(context, options)),
    )
  kit
    .command('test')
    .summary('prove that shares open a real backup')
    .description(
      'Puts shares together in memory and opens a real backup of each generation with them, at the location farthest away ' +
        'that can be reached. The policy wants it every year. Exits 5 where a backup does not open.',
    )
    .requiredOption('--share <file>', 'file of a share; to be repeated', collect)
    .action((options, self) =>
      run(self, async (context) => (await import('./run-kit-test.ts')).runKitTest(context, options)),
    )
  kit
    .command('open')
    .summary('let stock restic open a copy of a repository, or write the policy')
    .description(
      'Puts a standard restic key for a password (--password-file, or asked for) into a copy of a repository, with the keys of ' +
        'the kit; or writes the policy file of the day on which the kit was made. Needs no policy, no keyring and no catalog.',
    )
    .requiredOption('--share <file>', 'file of a share; to be repeated', collect)
    .option('--into <copy>', 'the copy of a repository that gets the restic key')
    .option('--policy-to <file>', 'file that the policy is written to; one that is there is not replaced')
    .action((options, self) =>
      run(self, async (context) => (await import('./run-keys-kit.ts')).runKitOpen(context, options)),
    )
  addExamples(kit, [
    {
      line: 'keys kit create --shares 5 --threshold 3 --to /media/kit',
      does: 'make a kit that any three of five open',
    },
    { line: 'keys kit test --share share-1.txt --share share-4.txt --share share-5.txt', does: 'the yearly proof' },
    {
      line: 'keys kit open --share a.txt --share b.txt --share c.txt --into /tmp/copy',
      does: 'go on with stock restic',
    },
    {
      line: 'keys kit open --share a.txt --share b.txt --share c.txt --policy-to zakops-backup.yaml',
      does: 'begin on a new machine, with nothing but the shares and the off-site location',
    },
  ])
}

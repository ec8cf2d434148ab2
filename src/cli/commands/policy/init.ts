import { type Command, Option } from '@commander-js/extra-typings'
import { environments } from '../../../model/policy/policy.ts'
import type { RunCommand } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'
import { collect } from '../../options/collect.ts'
import { collectSource } from '../../options/parse-source.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Writes a policy with comments and a keyring, ready to run, and makes the folders of the locations. Asks at the ' +
      'terminal for what is not given. Nothing is overwritten; where something fails, nothing is left behind.',
  )
  addExamples(command, [
    { line: 'init', does: 'be asked' },
    { line: 'init --source files:documents=./documents --yes', does: 'try it in this folder' },
    {
      line:
        'init --policy /etc/zakops-backup/policy.yaml --environment production --primary /srv/backup ' +
        '--secondary /mnt/off-site --source sqlite:orders=/srv/orders.db --state /var/lib/zakops-backup --yes',
      does: 'set up production',
    },
    { line: '-r /srv/backup init', does: "make one repository, in restic's words" },
  ])
  command
    .addOption(
      new Option('--environment <environment>', 'what this policy is for (else development)').choices(environments),
    )
    .option('--primary <place>', 'where backups are stored (else ./zakops-primary, but not in production)')
    .option('--secondary <place>', 'where they are copied to, off-site; production needs it')
    .option(
      '--source <kind:name=what>',
      'files:NAME=PATH, sqlite:NAME=PATH or postgresql:NAME=URL; may be repeated',
      collectSource,
    )
    .option('--keyring <file>', 'the keyring (else zakops-keyring/keyring.json beside the policy)')
    .option('--key-file <file>', 'what opens it, made where it is absent (else zakops-backup.key beside the keyring)')
    .option('--passphrase-file <file>', 'a file with a passphrase that opens it, in place of a key file')
    .option('--state <folder>', 'folder of the catalog and of temporary copies (else zakops-state beside the policy)')
    .option('--owner-devops <name>', 'who answers as DevOps (else you); may be repeated', collect)
    .option('--owner-dba <name>', 'who answers as DBA (else you); may be repeated', collect)
    .option('--owner-security <name>', 'who answers as Security (else you); may be repeated', collect)
    .option('--owner-management <name>', 'who answers as Management (else you); may be repeated', collect)
    .option('-y, --yes', 'ask nothing')
    .action((options, self) =>
      run(self, async (context) => {
        const { runInit } = await import('./run-init.ts')
        return await runInit(context, options)
      }),
    )
}

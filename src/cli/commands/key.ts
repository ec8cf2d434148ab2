import type { Command } from '@commander-js/extra-typings'
import { printableName } from '../../base/byte-name.ts'
import { addKey, changePassword, listKeys, removeKey, resolveKeyId } from '../../repository/keys.ts'
import { newPassword } from '../access/password.ts'
import { withRepository } from '../access/with-repository.ts'
import type { CommandContext, RunCommand } from '../command-entry.ts'
import { addExamples } from '../help/examples.ts'
import { formatTime } from '../output/format-time.ts'
import { textTable } from '../output/text-table.ts'
import type { Outcome } from '../outcome.ts'

interface NewKeyOptions {
  readonly newPasswordFile?: string | undefined
  readonly newPasswordCommand?: string | undefined
  readonly host?: string | undefined
  readonly user?: string | undefined
}

export function define(command: Command, run: RunCommand): void {
  command.description('Lists, adds, removes and changes the passwords that open a repository.')
  addExamples(command, [
    { line: '-r /srv/backup key list', does: 'see who can open the repository' },
    { line: '-r /srv/backup key add --new-password-file /root/second', does: 'let a second password open it' },
    { line: '-r /srv/backup key passwd', does: 'change the password in use' },
    { line: '-r /srv/backup key remove 3fa1c2', does: 'shut one out' },
  ])
  command
    .command('list')
    .summary('list the keys')
    .action((_, self) => run(self, list))
  command
    .command('add')
    .summary('add a password')
    .option('--new-password-file <file>', 'file that holds the new password')
    .option('--new-password-command <command>', 'command that prints the new password')
    .option('--host <name>', 'host to note with the key')
    .option('--user <name>', 'user to note with the key')
    .action((options, self) => run(self, (context) => add(context, options)))
  command
    .command('remove')
    .summary('remove a key')
    .argument('<id>', 'id of the key, or its beginning')
    .action((id, _, self) => run(self, (context) => remove(context, id)))
  command
    .command('passwd')
    .summary('change the password in use')
    .option('--new-password-file <file>', 'file that holds the new password')
    .option('--new-password-command <command>', 'command that prints the new password')
    .option('--host <name>', 'host to note with the key')
    .option('--user <name>', 'user to note with the key')
    .action((options, self) => run(self, (context) => change(context, options)))
}

async function list(context: CommandContext): Promise<Outcome> {
  const { output } = context
  let damaged = 0
  const keys = await withRepository(context, { lock: 'shared', use: 'read' }, (repository, signal) =>
    listKeys(repository, signal, {
      onDamaged: (id, failure) => {
        damaged += 1
        output.problem({ during: 'list keys', item: id, message: failure.message })
      },
    }),
  )
  if (output.json) {
    const documents = keys.map(({ id, isCurrent, username, hostname, created }) => ({
      current: isCurrent,
      id: id.slice(0, 8),
      userName: username,
      hostName: hostname,
      created: formatTime(created),
    }))
    output.document(documents)
  } else {
    const columns = [{ title: ' ID' }, { title: 'User' }, { title: 'Host' }, { title: 'Created' }]
    const rows = keys.map(({ id, isCurrent, username, hostname, created }) => [
      `${isCurrent ? '*' : ' '}${id.slice(0, 8)}`,
      printableName(username),
      printableName(hostname),
      formatTime(created),
    ])
    for (const line of textTable(columns, rows)) output.line(line)
  }
  return damaged > 0 ? 'damaged' : 'done'
}

async function add(context: CommandContext, options: NewKeyOptions): Promise<Outcome> {
  const id = await withRepository(context, { lock: 'shared', use: 'write' }, async (repository, signal) =>
    addKey(repository, await newKey(context, options), signal),
  )
  tell(context, 'added', id)
  return 'done'
}

async function change(context: CommandContext, options: NewKeyOptions): Promise<Outcome> {
  const id = await withRepository(context, { lock: 'exclusive', use: 'write' }, async (repository, signal) =>
    changePassword(repository, await newKey(context, options), signal),
  )
  tell(context, 'changed', id)
  return 'done'
}

async function remove(context: CommandContext, prefix: string): Promise<Outcome> {
  const id = await withRepository(context, { lock: 'exclusive', use: 'write' }, async (repository, signal) => {
    const found = await resolveKeyId(repository.storage, prefix, signal)
    await removeKey(repository, found, signal)
    return found
  })
  tell(context, 'removed', id)
  return 'done'
}

async function newKey({ world }: CommandContext, options: NewKeyOptions) {
  const given = {
    password: undefined,
    passwordFile: options.newPasswordFile,
    passwordCommand: options.newPasswordCommand,
    insecureNoPassword: false,
  }
  const { clock, random } = world
  return {
    password: await newPassword(given, 'new password', world),
    hostname: options.host ?? world.hostname,
    username: options.user ?? world.username,
    clock,
    random,
  }
}

function tell({ output }: CommandContext, what: 'added' | 'changed' | 'removed', id: string): void {
  if (output.json) output.document({ message_type: 'key', action: what, id })
  else if (what === 'changed') output.line(`saved new key ${id.slice(0, 8)}, removed the old one`)
  else output.line(`${what} key ${id.slice(0, 8)}`)
}

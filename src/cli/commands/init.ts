import { type Command, Option } from '@commander-js/extra-typings'
import { Failure } from '../../base/failure.ts'
import { initRepository } from '../../repository/init-repository.ts'
import { openPlace } from '../access/open-place.ts'
import { newPassword } from '../access/password.ts'
import { repositoryPlace } from '../access/place.ts'
import { readMasterKey } from '../access/repository-access.ts'
import type { CommandContext, RunCommand } from '../command-entry.ts'
import { addExamples } from '../help/examples.ts'
import type { Outcome } from '../outcome.ts'

const versions = { 1: 1, 2: 2, stable: 2, latest: 2 } as const

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Makes a new repository. With --master-key-file it gets no key of its own: only the holder of that key opens it.',
  )
  addExamples(command, [
    { line: '-r /srv/backup repo init', does: 'ask for a password' },
    { line: '-r /srv/backup -p /root/password repo init', does: 'take the password from a file' },
  ])
  command
    .addOption(
      new Option('--repository-version <version>', 'format of the repository')
        .choices(['1', '2', 'stable', 'latest'] as const)
        .default('stable' as const),
    )
    .action((options, self) => run(self, (context) => init(context, versions[options.repositoryVersion])))
}

async function init(context: CommandContext, version: 1 | 2): Promise<Outcome> {
  const { globals, world, output, signal } = context
  const { hostname, username, clock, random } = world
  const place = await repositoryPlace(globals, signal)
  if (globals.insecureNoPassword) {
    throw new Failure('usage', 'Cannot make a repository with an empty password', {
      facts: { hint: 'Give a password, or a master key by --master-key-file.' },
    })
  }
  const secret =
    globals.masterKeyFile === undefined
      ? { password: await newPassword(globals, `password for the new repository "${place}"`, world) }
      : { masterKey: await readMasterKey(globals.masterKeyFile, signal) }
  const storage = await openPlace(place, { open: 'create', use: 'write' }, context)
  await using repository = await initRepository(
    { storage, version, hostname, username, clock, random, ...secret },
    signal,
  )
  const { id } = repository.config
  if (output.json) output.document({ message_type: 'initialized', id, repository: storage.name })
  else {
    output.line(`created repository ${id.slice(0, 8)} at ${storage.name}`)
    output.notice('Keep its password: without it nobody can read what is in the repository.')
  }
  return 'done'
}

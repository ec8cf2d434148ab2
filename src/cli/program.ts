import { Command, type CommandUnknownOpts, type OutputConfiguration } from '@commander-js/extra-typings'
import type { CommandEntry, RunCommand } from './command-entry.ts'
import { commandList } from './command-list.ts'
import { addExamples } from './help/examples.ts'
import { addGlobalOptions } from './options/global-options.ts'
import { helpLayout } from './help/help-layout.ts'

const description = `Backs up directory trees into encrypted, deduplicated repositories in restic's format, copies them,
checks them, heals them and restores them. The stock restic reads everything it writes.`

/**
 * The command line as commander knows it. Commands are known by name and summary; a command's module is read when
 * commander comes to it, or by loadCommand().
 */
export function buildProgram(options: {
  readonly run: RunCommand
  readonly version: string
  readonly output: OutputConfiguration
}): Command {
  const program = new Command('zakops-backup')
  program
    .description(description)
    .usage('[options] <command>')
    .version(options.version, '--version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .configureHelp(helpLayout)
    .configureOutput(options.output)
  addGlobalOptions(program)
  addExamples(program, [
    { line: '-r /srv/backup repo init', does: 'make a repository' },
    { line: '-r /srv/backup backup /home /etc', does: 'back up two directories into it' },
    { line: '-r /srv/backup snapshots', does: 'see what is there' },
    { line: '-r /srv/backup restore latest --target /tmp/restored', does: 'get the newest snapshot back' },
    { line: '-r /srv/backup mirror --to /mnt/second/backup', does: 'keep a second copy' },
  ])
  program.addHelpText(
    'after',
    `
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done with gaps, 4 refused, 5 damaged or not proven.
\`zakops-backup help <command>\` shows the options and examples of a command.`,
  )
  for (const entry of commandList) addEntry(program, entry, options.run)
  program.hook('preSubcommand', async (_, subcommand) => loadCommand(subcommand))
  return program
}

const loaders = new WeakMap<CommandUnknownOpts, () => Promise<void>>()

/** Reads the module of a command, once, so that its options and subcommands are known. */
export async function loadCommand(command: CommandUnknownOpts): Promise<void> {
  const load = loaders.get(command)
  loaders.delete(command)
  await load?.()
}

function addEntry(program: Command, entry: CommandEntry, run: RunCommand): void {
  const command = new Command(entry.name).copyInheritedSettings(program).summary(entry.summary).helpGroup(entry.group)
  loaders.set(command, async () => {
    const module = await entry.load()
    module.define(command, run)
    completeCommand(command)
  })
  program.addCommand(command, { hidden: entry.hidden ?? false })
}

/** Gives every command that does work the options of every command. */
function completeCommand(command: CommandUnknownOpts): void {
  if (command.description() === '') command.description(capitalized(command.summary()))
  if (command.commands.length === 0) addGlobalOptions(command)
  for (const subcommand of command.commands) completeCommand(subcommand)
}

function capitalized(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`
}

import { Command, type CommandUnknownOpts, type Option, type OutputConfiguration } from '@commander-js/extra-typings'
import type { CommandEntry, CommandModule, RunCommand } from './command-entry.ts'
import { chooseForm, type CommandForm, otherFormHint } from './command-form.ts'
import { commandList } from './command-list.ts'
import { addExamples } from './help/examples.ts'
import { addGlobalOptions } from './options/global-options.ts'
import { givenFlags } from './options/given-flags.ts'
import { helpLayout } from './help/help-layout.ts'
import type { World } from './world.ts'

const description = `Backs up directory trees into encrypted, deduplicated repositories in restic's format, copies them,
checks them, heals them and restores them. The stock restic reads everything it writes.`

/** What the program is made of besides its commands. */
export interface ProgramOptions {
  readonly run: RunCommand
  readonly version: string
  readonly output: OutputConfiguration
  /** What was typed, and the environment: they say which form of a command is meant. Or one form for all. */
  readonly forms: CommandForm | Pick<World, 'words' | 'environment'>
}

const optionsOf = new WeakMap<CommandUnknownOpts, ProgramOptions>()

/**
 * The command line as commander knows it. Commands are known by name and summary; a command's module is read when
 * commander comes to it, or by loadCommand().
 */
export function buildProgram(options: ProgramOptions): Command {
  const program = new Command('zakops-backup')
  optionsOf.set(program, options)
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
  for (const entry of commandList) addEntry(program, entry, options)
  program.hook('preSubcommand', async (_, subcommand) => loadCommand(subcommand))
  return program
}

/** The same program with one form of every command, whatever was typed: for pages that show both. */
export function programInForm(program: CommandUnknownOpts, form: CommandForm): Command {
  return buildProgram({ ...optionsOf.get(program)!, forms: form })
}

/** Says whether a command of this name exists in two forms. */
export function hasTwoForms(name: string): boolean {
  return commandList.some((entry) => entry.name === name && entry.plumbing !== undefined)
}

const loaders = new WeakMap<CommandUnknownOpts, () => Promise<void>>()

/** Reads the module of a command, once, so that its options and subcommands are known. Failure as chooseForm()'s. */
export async function loadCommand(command: CommandUnknownOpts): Promise<void> {
  const load = loaders.get(command)
  loaders.delete(command)
  await load?.()
}

function addEntry(program: Command, entry: CommandEntry, options: ProgramOptions): void {
  const command = new Command(entry.name).copyInheritedSettings(program).summary(entry.summary).helpGroup(entry.group)
  loaders.set(command, async () => {
    if (entry.plumbing === undefined) (await entry.load()).define(command, options.run)
    else await defineForm(program, command, entry, options)
    completeCommand(command)
  })
  program.addCommand(command, { hidden: entry.hidden ?? false })
}

async function defineForm(
  program: Command,
  command: Command,
  entry: CommandEntry,
  { forms, run }: ProgramOptions,
): Promise<void> {
  const plumbing = entry.plumbing!
  // Both modules only declare options, so that reading the one that is not meant costs little.
  const modules = { policy: await entry.load(), plumbing: await plumbing.load() }
  const form = typeof forms === 'string' ? forms : typedForm(program, entry.name, modules, forms, run)
  if (form === 'plumbing') command.summary(plumbing.summary)
  modules[form].define(command, run)
  command.addHelpText('after', `\n${otherFormHint(entry.name, form)}`)
}

/** The form that the words and the environment mean. */
function typedForm(
  program: Command,
  name: string,
  modules: Readonly<Record<CommandForm, CommandModule>>,
  { words, environment }: Pick<World, 'words' | 'environment'>,
  run: RunCommand,
): CommandForm {
  const optionsIn = (form: CommandForm): readonly Option[] => {
    const scratch = new Command(name)
    modules[form].define(scratch, run)
    return scratch.options
  }
  const [policy, plumbing] = [optionsIn('policy'), optionsIn('plumbing')]
  const given = givenFlags(words, [...program.options, ...policy, ...plumbing])
  const common = new Set([...program.options, ...plumbing].map(({ long }) => long))
  const ofPolicyOnly = new Set(policy.flatMap(({ long }) => (long === undefined || common.has(long) ? [] : [long])))
  return chooseForm({ name, given, ofPolicyOnly, environment })
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

import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { commandForms } from '../command-form.ts'
import { loadCommand, programInForm } from '../program.ts'

/** What a shell may offer after the words of one command. */
export interface CompletionNode {
  /** The words of the command: [] for the program itself, then ["repo", "init"] and so on. */
  readonly words: readonly string[]
  readonly subcommands: readonly { readonly name: string; readonly summary: string }[]
  readonly flags: readonly CompletionFlag[]
}

export interface CompletionFlag {
  /** "-r" or "--repo". */
  readonly flag: string
  readonly summary: string
  /** What kind of word follows the flag. */
  readonly takes: 'nothing' | 'file' | 'text' | readonly string[]
}

/** Every command of the program, the program first, with all modules read: what either form of a command takes. */
export async function completionModel(program: CommandUnknownOpts): Promise<CompletionNode[]> {
  const nodes = new Map<string, CompletionNode>()
  const walk = async (command: CommandUnknownOpts, words: readonly string[]): Promise<void> => {
    await loadCommand(command)
    const subcommands = command.createHelp().visibleCommands(command)
    const key = words.join(' ')
    nodes.set(key, joinedNode(nodes.get(key), nodeOf(command, words)))
    for (const one of subcommands) await walk(one, [...words, one.name()])
  }
  for (const form of commandForms) await walk(programInForm(program, form), [])
  return [...nodes.values()]
}

function nodeOf(command: CommandUnknownOpts, words: readonly string[]): CompletionNode {
  const helper = command.createHelp()
  return {
    words,
    subcommands: helper
      .visibleCommands(command)
      .map((one) => ({ name: one.name(), summary: one.summary() || one.description() })),
    flags: helper.visibleOptions(command).flatMap((option) => {
      const takes = takenWord(option)
      const names = [option.short, option.long].filter((flag) => flag !== undefined)
      return names.map((flag) => ({ flag, summary: option.description, takes }))
    }),
  }
}

/** What both know, the first one's words first. */
function joinedNode(first: CompletionNode | undefined, second: CompletionNode): CompletionNode {
  if (first === undefined) return second
  const subcommands = new Set(first.subcommands.map(({ name }) => name))
  const flags = new Set(first.flags.map(({ flag }) => flag))
  return {
    words: first.words,
    subcommands: [...first.subcommands, ...second.subcommands.filter(({ name }) => !subcommands.has(name))],
    flags: [...first.flags, ...second.flags.filter(({ flag }) => !flags.has(flag))],
  }
}

/** A word between < and > says what follows a flag; places, files and folders are all paths. */
function takenWord(option: {
  readonly flags: string
  readonly argChoices?: readonly string[] | undefined
}): CompletionFlag['takes'] {
  if (option.argChoices !== undefined) return option.argChoices
  const word = /<([^>]+)>/.exec(option.flags)?.[1]
  if (word === undefined) return 'nothing'
  return ['file', 'place', 'folder', 'path'].includes(word) ? 'file' : 'text'
}

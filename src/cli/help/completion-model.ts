import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { loadCommand } from '../program.ts'

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

/** Every command of the program, the program first, with all modules read. */
export async function completionModel(program: CommandUnknownOpts): Promise<CompletionNode[]> {
  const nodes: CompletionNode[] = []
  const walk = async (command: CommandUnknownOpts, words: readonly string[]): Promise<void> => {
    await loadCommand(command)
    const helper = command.createHelp()
    const subcommands = helper.visibleCommands(command)
    nodes.push({
      words,
      subcommands: subcommands.map((one) => ({ name: one.name(), summary: one.summary() || one.description() })),
      flags: helper.visibleOptions(command).flatMap((option) => {
        const takes = takenWord(option)
        const names = [option.short, option.long].filter((flag) => flag !== undefined)
        return names.map((flag) => ({ flag, summary: option.description, takes }))
      }),
    })
    for (const one of subcommands) await walk(one, [...words, one.name()])
  }
  await walk(program, [])
  return nodes
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

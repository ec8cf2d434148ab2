import type { CommandUnknownOpts, Help, HelpConfiguration } from '@commander-js/extra-typings'
import { globalOptionGroup } from '../options/global-options.ts'

interface Section {
  readonly title: string
  readonly items: readonly { readonly term: string; readonly text: string }[]
}

/**
 * How help looks: the program's own help lists its commands and then the options of every command; the help of a
 * command shows its own options only, and names where the others are.
 */
export const helpLayout: HelpConfiguration = {
  formatHelp: (command: CommandUnknownOpts, helper: Help): string => {
    const isProgram = command.parent === null
    const sections = [...commandSections(command, helper), ...optionSections(command, helper, isProgram)]
    const width = Math.max(...sections.flatMap(({ items }) => items.map(({ term }) => term.length)))
    const lines = [`Usage: ${helper.commandUsage(command)}`, '']
    lines.push(helper.boxWrap(helper.commandDescription(command), helper.helpWidth ?? 100), '')
    for (const { title, items } of sections) {
      lines.push(title, ...items.map(({ term, text }) => helper.formatItem(term, width, text, helper)), '')
    }
    if (!isProgram) lines.push('Options of every command (-r, -p, --json, -q, -v, …): see `zakops-backup --help`.', '')
    return lines.join('\n')
  },
}

function commandSections(command: CommandUnknownOpts, helper: Help): Section[] {
  const sections: Section[] = []
  const visibleArguments = helper.visibleArguments(command)
  if (visibleArguments.length > 0) {
    const items = visibleArguments.map((one) => ({
      term: helper.argumentTerm(one),
      text: helper.argumentDescription(one),
    }))
    sections.push({ title: 'Arguments:', items })
  }
  const groups = Map.groupBy(helper.visibleCommands(command), (one) => one.helpGroup() || 'Commands:')
  for (const [title, some] of groups) {
    const items = some.map((one) => ({ term: helper.subcommandTerm(one), text: helper.subcommandDescription(one) }))
    sections.push({ title, items })
  }
  return sections
}

function optionSections(command: CommandUnknownOpts, helper: Help, isProgram: boolean): Section[] {
  const visible = helper
    .visibleOptions(command)
    .filter((option) => isProgram || option.helpGroupHeading !== globalOptionGroup)
  return [...Map.groupBy(visible, (option) => option.helpGroupHeading ?? 'Options:')].map(([title, some]) => ({
    title,
    items: some.map((one) => ({ term: helper.optionTerm(one), text: helper.optionDescription(one) })),
  }))
}

import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { getExamples } from './examples.ts'
import { exitMeanings } from '../exit-codes.ts'
import { globalOptionGroup } from '../options/global-options.ts'
import { hasTwoForms, loadCommand, programInForm } from '../program.ts'

/**
 * docs/commands.md: every command with its arguments, options and examples, from the same declarations as the
 * parser and `--help`.
 */
export async function referencePage(program: CommandUnknownOpts): Promise<string> {
  const lines = ['# Commands', '']
  lines.push('Made by `zakops-backup help --markdown > docs/commands.md`; a test holds it to the program.', '')
  lines.push(...commandLines(program, program.name(), 'shows'))
  const walk = async (command: CommandUnknownOpts, title: string): Promise<void> => {
    await loadCommand(command)
    lines.push(...commandLines(command, title, 'hides'))
    for (const one of command.createHelp().visibleCommands(command)) await walk(one, `${title} ${one.name()}`)
  }
  const plumbing = programInForm(program, 'plumbing')
  for (const one of listed(programInForm(program, 'policy'))) {
    await walk(one, one.name())
    const other = plumbing.commands.find((command) => command.name() === one.name())
    if (hasTwoForms(one.name()) && other !== undefined) await walk(other, `${one.name()}, with -r`)
  }
  lines.push('## Exit codes', '', '| code | meaning |', '| --- | --- |')
  for (const [code, meaning] of Object.entries(exitMeanings)) lines.push(`| ${code} | ${meaning} |`)
  return lines.join('\n')
}

function listed(program: CommandUnknownOpts): CommandUnknownOpts[] {
  return program.createHelp().visibleCommands(program)
}

function commandLines(command: CommandUnknownOpts, title: string, globals: 'shows' | 'hides'): string[] {
  const helper = command.createHelp()
  const words: string[] = []
  for (let one: CommandUnknownOpts | null = command; one !== null; one = one.parent) words.unshift(one.name())
  const usage = `${words.join(' ')} ${command.usage()}`
  const lines = [`## ${title}`, '', command.description(), '', `    ${usage}`, '']
  const rows = [
    ...helper.visibleArguments(command).map((one) => [helper.argumentTerm(one), helper.argumentDescription(one)]),
    ...helper
      .visibleOptions(command)
      .filter((one) => !(globals === 'hides' && one.helpGroupHeading === globalOptionGroup) && one.long !== '--help')
      .map((one) => [helper.optionTerm(one), helper.optionDescription(one)]),
  ]
  if (rows.length > 0) {
    lines.push('| argument or option | meaning |', '| --- | --- |')
    for (const [term, text] of rows) lines.push(`| \`${term!.replaceAll('|', String.raw`\|`)}\` | ${cell(text!)} |`)
    lines.push('')
  }
  const examples = getExamples(command)
  if (examples.length > 0) {
    lines.push('```sh', ...examples.flatMap(({ does, line }) => [`# ${does}`, `zakops-backup ${line}`]), '```', '')
  }
  return lines
}

/** Text as it may stand in a cell of a table. */
function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`).replaceAll('<', '&lt;')
}

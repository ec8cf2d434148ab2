import { type Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings'
import { Failure } from '../../base/failure.ts'
import type { RunCommand } from '../command-entry.ts'
import { loadCommand } from '../program.ts'

export function define(command: Command, run: RunCommand): void {
  command
    .argument('[command...]', 'words of the command')
    .addOption(new Option('--markdown', 'print the reference page of all commands').hideHelp())
    .action((words, options, self) =>
      run(self, async ({ output }) => {
        const program = self.parent!
        if (options.markdown === true) {
          const { referencePage } = await import('../help/reference-page.ts')
          output.line(await referencePage(program))
        } else {
          const found = await findCommand(program, words)
          found.outputHelp()
        }
        return 'done'
      }),
    )
}

/** The command that these words name; Failure `usage` where there is none. */
async function findCommand(program: CommandUnknownOpts, words: readonly string[]): Promise<CommandUnknownOpts> {
  let found = program
  for (const word of words) {
    const next = found.commands.find((one) => one.name() === word)
    if (next === undefined)
      throw new Failure('usage', `Cannot show help for "${words.join(' ')}": there is no such command`)
    await loadCommand(next)
    found = next
  }
  return found
}

import { Argument, type Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../command-entry.ts'
import { completionModel } from '../help/completion-model.ts'
import { completionScript, shells } from '../help/completion-script.ts'
import { addExamples } from '../help/examples.ts'

export function define(command: Command, run: RunCommand): void {
  addExamples(command, [
    { line: 'completion bash > /etc/bash_completion.d/zakops-backup', does: 'for every user of bash' },
    { line: 'completion fish > ~/.config/fish/completions/zakops-backup.fish', does: 'for your own fish' },
  ])
  command.addArgument(new Argument('<shell>', 'your shell').choices(shells)).action((shell, _, self) =>
    run(self, async ({ output }) => {
      output.line(completionScript(shell, await completionModel(self.parent!)))
      return 'done'
    }),
  )
}

import type { CommandUnknownOpts } from '@commander-js/extra-typings'

/** One line a user may type, and what it does. */
export interface Example {
  readonly line: string
  readonly does: string
}

const examplesOf = new WeakMap<CommandUnknownOpts, readonly Example[]>()

/** Adds examples to the help of a command and to its page in the reference. */
export function addExamples(command: CommandUnknownOpts, examples: readonly Example[]): void {
  examplesOf.set(command, examples)
  const lines = examples.map((example) => `  # ${example.does}\n  zakops-backup ${example.line}`)
  command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`)
}

/** The examples that addExamples() gave this command. */
export function getExamples(command: CommandUnknownOpts): readonly Example[] {
  return examplesOf.get(command) ?? []
}

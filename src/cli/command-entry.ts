import type { Command, CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Policy } from '../model/policy/policy.ts'
import type { GlobalOptions } from './options/global-options.ts'
import type { CommandExit, Outcome } from './outcome.ts'
import type { Output } from './output/output.ts'
import type { World } from './world.ts'

/** What a command works with. */
export interface CommandContext {
  readonly world: World
  readonly globals: GlobalOptions
  readonly output: Output
  /** Ends the work: a signal of the machine, or a lost lock. */
  readonly signal: AbortSignal
  /** Told which policy the command runs under, once that is known: so that a refusal goes on record there. */
  readonly underPolicy?: (policy: Policy) => void
}

/** Runs the work of a command with its context. Every action of commander goes through it. */
export type RunCommand = (
  command: CommandUnknownOpts,
  work: (context: CommandContext) => Promise<Outcome | CommandExit>,
) => Promise<void>

/** A module that declares the arguments and options of one command, and does its work. */
export interface CommandModule {
  define(command: Command, run: RunCommand): void
}

/**
 * A command by name and summary. Its module is read only when the command is asked for: the start of the program is
 * most of the time of a short command.
 */
export interface CommandEntry {
  readonly name: string
  readonly summary: string
  readonly group: string
  /** Commands that are spellings of another one are not listed. */
  readonly hidden?: boolean
  readonly load: () => Promise<CommandModule>
  /**
   * Where the command exists twice: `load` is its form under a policy then, and this is its form for one repository in
   * restic's words. Which of them is meant, chooseForm() says.
   */
  readonly plumbing?: { readonly summary: string; readonly load: () => Promise<CommandModule> }
}

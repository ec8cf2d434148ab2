import { CommanderError } from 'commander'
import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import type { CommandContext, RunCommand } from './command-entry.ts'
import { describeFailure, failureDocument, failureText } from './describe-failure.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import { readGlobalOptions } from './options/global-options.ts'
import { type CommandExit, type Outcome, outcomeCodes } from './outcome.ts'
import { Output } from './output/output.ts'
import { recordingRefusals } from './recording-refusals.ts'
import { isReaderGone } from './output/stdout-failure.ts'
import { buildProgram } from './program.ts'
import type { World } from './world.ts'

/**
 * Does what the words of the command line say and answers the exit code. Never throws: every failure has been told
 * to the user, on stderr, when this resolves, and stdout is written out.
 */
export async function runCommandLine(world: World): Promise<number> {
  // Until the options are read, only the words themselves can say in which form the user wants to hear of failures.
  let output = new Output({ ...world, json: world.words.includes('--json'), verbosity: 'normal' })
  let outcome = 'done' as Outcome | CommandExit
  const run: RunCommand = async (command, work) => {
    const context = beginCommand(world, command)
    output = context.output
    outcome = await recordingRefusals(context, command, work)
  }
  const program = buildProgram({
    run,
    version: world.version,
    forms: world,
    output: {
      writeOut: (text) => output.line(text.trimEnd()),
      writeErr: (text) => output.aside(text.trimEnd()),
      // Errors of usage are told below, in the same form as all others.
      outputError: () => {},
      getOutHelpWidth: () => Math.min(world.stdout.columns ?? 100, 120),
      getErrHelpWidth: () => Math.min(world.stderr.columns ?? 100, 120),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    },
  })
  try {
    await program.parseAsync([...world.words], { from: 'user' })
    await output.end()
    return typeof outcome === 'string' ? outcomeCodes[outcome] : outcome.exitCode
  } catch (error) {
    const code = tellError(error, output)
    await output.end().catch(() => {}) // That stdout can not be written is no news then, or smaller than what was told.
    return code
  }
}

function beginCommand(world: World, command: CommandUnknownOpts): CommandContext {
  const globals = readGlobalOptions(command, world.environment)
  const output = new Output({ ...world, json: globals.json, verbosity: globals.verbosity })
  return { world, globals, output, signal: world.signal }
}

function tellError(error: unknown, output: Output): ExitCode {
  output.status('')
  if (error instanceof CommanderError) return tellUsageError(error, output)
  const report = describeFailure(error)
  if (isReaderGone(error)) return report.exitCode
  if (output.json) output.aside(JSON.stringify(failureDocument(report)))
  else output.aside(failureText(report))
  return report.exitCode
}

function tellUsageError(error: CommanderError, output: Output): ExitCode {
  // Help and version, when they were asked for, are results. `commander.help` is help for want of a command.
  if (error.exitCode === 0) return 0
  if (error.code === 'commander.help') return exitCodes.usage
  const message = error.message.replace(/^error: /, '')
  if (output.json) {
    const document = { message_type: 'exit_error', code: exitCodes.usage, message, failure: 'usage' }
    output.aside(JSON.stringify(document))
  } else {
    output.aside(`zakops-backup: ${message}\n  to do:   Add --help to see what the command takes, with examples.`)
  }
  return exitCodes.usage
}

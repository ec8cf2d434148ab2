import { Failure } from '../../../base/failure.ts'
import { type CommandEnd, runCommand } from '../../../operations/commands/run-command.ts'
import { guardOperation } from '../../../procedures/guard/guard-operation.ts'
import { openInstallation } from '../../access/open-installation.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { CommandExit } from '../../outcome.ts'
import { newRunId } from './new-run-id.ts'
import { watching } from './watching.ts'

/** A command that ended otherwise than by exit code 0. */
class CommandEnded extends Error {
  readonly end: CommandEnd

  constructor(end: CommandEnd) {
    super(`The command ended with exit code ${end.exitCode}`)
    this.end = end
  }
}

/** Backs up, proves, runs the command; answers its exit code. */
export async function runGuard(
  context: CommandContext,
  source: string,
  words: readonly string[],
  options: { readonly restoreOnFailure?: true },
): Promise<CommandExit> {
  const { world, output, signal } = context
  await using opened = await openInstallation(context)
  await using watch = watching(context)
  const request = {
    words,
    output: 'inherit',
    environment: world.environment,
    workingDirectory: world.workingDirectory,
  } as const
  const order = { run: newRunId(world.random), source, restoreOnFailure: options.restoreOnFailure ?? false }
  const guarded = await guardOperation(
    opened.installation,
    order,
    async (stop) => {
      await watch.end()
      const end = await runCommand(request, world.clock, stop)
      if (end.exitCode !== 0) throw new CommandEnded(end)
      return end
    },
    watch,
    signal,
  )
  const { backup, operation, restore } = guarded
  const exitCode = exitCodeOf(operation)
  if (output.json) {
    output.document({
      message_type: 'guarded',
      source,
      snapshot_id: backup.snapshot,
      copies: backup.copies,
      exit_code: exitCode,
      restored: restore.state === 'restored',
      old_path: restore.state === 'restored' ? restore.oldPath : undefined,
    })
    return { exitCode }
  }
  const id = backup.snapshot.slice(0, 8)
  output.notice(
    `guard: backup ${id} of ${source} was proven before the command ran; it ended with exit code ${exitCode}`,
  )
  if (restore.state === 'restored') {
    const old = restore.oldPath === undefined ? '' : `; what the command left is in ${restore.oldPath}`
    output.notice(`guard: ${source} was put back as it was before the command${old}`)
  }
  if (restore.state === 'not asked for') {
    output.notice(
      `guard: ${source} was left as the command left it; \`restore ${source} ${id} --to FOLDER\` brings it back`,
    )
  }
  return { exitCode }
}

type Ended = { readonly state: 'succeeded' } | { readonly state: 'failed'; readonly error: unknown }

function exitCodeOf(operation: Ended): number {
  if (operation.state === 'succeeded') return 0
  if (operation.error instanceof CommandEnded) return operation.error.end.exitCode
  if (operation.error instanceof Failure) throw operation.error // It could not be started.
  throw operation.error
}

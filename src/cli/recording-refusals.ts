import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { errorMessage } from '../base/error-message.ts'
import { isFailure } from '../base/failure.ts'
import type { Policy } from '../model/policy/policy.ts'
import { openPolicyCatalog } from './access/policy-keys.ts'
import type { CommandContext } from './command-entry.ts'
import type { CommandExit, Outcome } from './outcome.ts'

/** Does the work of a command. What is refused under a policy goes into that policy's ledger, and is thrown on. */
export async function recordingRefusals(
  context: CommandContext,
  command: CommandUnknownOpts,
  work: (context: CommandContext) => Promise<Outcome | CommandExit>,
): Promise<Outcome | CommandExit> {
  let policy: Policy | undefined
  const underPolicy = (one: Policy): void => {
    policy = one
  }
  try {
    return await work({ ...context, underPolicy })
  } catch (error) {
    if (policy !== undefined && isFailure(error, 'refused')) await record(context, policy, command, error.message)
    throw error
  }
}

async function record(
  { world, output }: CommandContext,
  policy: Policy,
  command: CommandUnknownOpts,
  message: string,
): Promise<void> {
  try {
    await using catalog = await openPolicyCatalog(policy, world)
    await catalog.addEvidence({
      at: world.clock.now(),
      kind: 'refusal',
      actor: `${world.username}@${world.hostname}`,
      // Not the words as they were typed: somebody may have put a secret there.
      facts: { command: nameOf(command), failure: 'refused', message },
    })
  } catch (error) {
    // The refusal itself is told right after this; that it is not on record is said beside it.
    output.problem({ during: 'record refusal', item: 'ledger', message: errorMessage(error) })
  }
}

/** "keys rotate" */
function nameOf(command: CommandUnknownOpts): string {
  const names: string[] = []
  for (let next: CommandUnknownOpts | null = command; next?.parent; next = next.parent) names.unshift(next.name())
  return names.join(' ')
}

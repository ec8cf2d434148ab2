import type { CommandModule } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'
import type { GatherStatusFacts } from './run-status.ts'

/** The command `status`; what it tells is found out by `loadGather()`'s function, whose module is read only then. */
export function statusCommand(loadGather: () => Promise<GatherStatusFacts>): CommandModule {
  return {
    define(command, run) {
      command.description(
        'Shows how the policy is kept, clause by clause: met, due or breached, with what that is known from and the ' +
          'command that mends it; then what is there of each source. Exits 5 where a clause is breached, else 0.',
      )
      addExamples(command, [
        { line: 'status', does: 'see whether the policy is kept' },
        { line: 'status --json', does: 'give it to a monitor' },
      ])
      command.action((_, self) =>
        run(self, async (context) => {
          const { runStatus } = await import('./run-status.ts')
          return await runStatus(context, await loadGather())
        }),
      )
    },
  }
}

import type { Watch } from '../../../procedures/installation.ts'
import type { CommandContext } from '../../command-entry.ts'
import { beginProgress } from '../../output/begin-progress.ts'

/** Shows a procedure to the user while it runs. */
export function watching(context: CommandContext): Watch & AsyncDisposable & { end(): Promise<void> } {
  const display = beginProgress(context)
  return {
    progress: display.report,
    notice: (text) => context.output.notice(text, 'verbose'),
    end: () => display.end(),
    [Symbol.asyncDispose]: () => display.end(),
  }
}

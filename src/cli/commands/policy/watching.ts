import { noProgress } from '../../../operations/progress.ts'
import type { Watch } from '../../../procedures/installation.ts'
import type { CommandContext } from '../../command-entry.ts'
import { beginProgress } from '../../output/begin-progress.ts'

/** Shows a procedure to the user while it runs. With --json there are results only, one document a line. */
export function watching(context: CommandContext): Watch & AsyncDisposable & { end(): Promise<void> } {
  const notice = (text: string): void => context.output.notice(text, 'verbose')
  if (context.output.json) {
    return { progress: noProgress, notice, end: async () => {}, [Symbol.asyncDispose]: async () => {} }
  }
  const display = beginProgress(context)
  return {
    progress: display.report,
    notice,
    end: () => display.end(),
    [Symbol.asyncDispose]: () => display.end(),
  }
}

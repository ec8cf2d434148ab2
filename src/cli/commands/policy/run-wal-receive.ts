import { isFailure } from '../../../base/failure.ts'
import { describeReceiverEvent } from '../../../procedures/postgresql/describe-receiver-event.ts'
import { receiveSource, type SourceReceiverEvent } from '../../../procedures/postgresql/receive-source.ts'
import { formatLsn } from '../../../sources/postgresql/lsn.ts'
import { openInstallation } from '../../access/open-installation.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'

/** Resolves when it is stopped: that is how a receiver ends. */
export async function runWalReceive(context: CommandContext, source: string): Promise<Outcome> {
  const { output, signal } = context
  await using opened = await openInstallation(context)
  const onEvent = (event: SourceReceiverEvent): void => {
    if (output.json && event.kind === 'stored') {
      const { name, isPart, end, serverEnd } = event
      output.document({
        message_type: 'wal_stored',
        source,
        name,
        part: isPart,
        end: formatLsn(end),
        server_end: formatLsn(serverEnd),
      })
      return
    }
    const text = describeReceiverEvent(source, event)
    if (text !== undefined) output.notice(text)
    else if (event.kind === 'stored') output.notice(`stored ${event.name}${event.isPart ? ' in part' : ''}`, 'verbose')
  }
  const watch = { notice: (text: string): void => output.notice(text, 'verbose') }
  try {
    return await receiveSource(opened.installation, source, onEvent, watch, signal)
  } catch (error) {
    if (signal.aborted && isFailure(error, 'stopped')) return 'done'
    throw error
  }
}

import { doWhatIsDue } from '../../../control/service.ts'
import type { Run } from '../../../model/run.ts'
import { openService } from '../../access/open-service.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { serviceLog } from '../../output/service-log.ts'

export async function runDue(context: CommandContext): Promise<Outcome> {
  await using service = await openService(context, serviceLog(context))
  const ended = await doWhatIsDue(service.parts, context.signal)
  if (ended.length === 0) context.output.notice('nothing is due')
  return worstOf(ended)
}

function worstOf(runs: readonly Run[]): Outcome {
  if (runs.some(({ state }) => state === 'failed' || state === 'lost')) return 'failed'
  const gaps = runs.filter(({ state }) => state === 'gaps')
  if (gaps.some(({ procedure }) => procedure === 'verify' || procedure === 'restore-test')) return 'damaged'
  return gaps.length > 0 ? 'gaps' : 'done'
}

import { dueTimes } from '../../../model/policy/due-times.ts'
import { serve } from '../../../control/service.ts'
import { openService } from '../../access/open-service.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { serviceLog } from '../../output/service-log.ts'

/** Resolves when it is stopped: that is how a service ends. */
export async function runServe(context: CommandContext): Promise<Outcome> {
  const tell = serviceLog(context)
  await using service = await openService(context, tell)
  const { policy, policyPath, parts } = service
  const [next] = dueTimes(policy, parts.clock.now(), 1)
  const due = next === undefined ? 'nothing is due' : `next due: ${next.procedure} at ${next.at.toISOString()}`
  tell({ kind: 'service', text: `keeping ${policyPath}; ${due}` })
  await serve(parts, context.signal)
  tell({ kind: 'service', text: 'stopped; what is unfinished goes on at the next start' })
  return 'done'
}

import { Failure } from '../../../base/failure.ts'
import { describeAlarm } from '../../../model/evidence/evidence-alarm.ts'
import { acknowledgeAlarms } from '../../../procedures/evidence/acknowledge-alarms.ts'
import { openInstallation } from '../../access/open-installation.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { formatCount } from '../../output/format-count.ts'

export async function runEvidenceAcknowledge(
  context: CommandContext,
  { reason }: { readonly reason: string },
): Promise<Outcome> {
  const { output, signal } = context
  if (reason.trim() === '') throw new Failure('usage', 'Cannot acknowledge: the reason is empty')
  await using opened = await openInstallation(context)
  const { installation, keyring } = opened
  const keeper = { ...installation, environment: installation.policy.environment, keyring }
  const { alarms, troubles } = await acknowledgeAlarms(keeper, reason, signal)
  for (const message of troubles) output.problem({ during: 'store signed heads', item: 'locations', message })
  if (output.json) {
    output.document({ message_type: 'evidence_acknowledged', reason, alarms, troubles })
  } else {
    for (const alarm of alarms) output.line(`entry ${alarm.sequence}: ${describeAlarm(alarm)}`)
    const told = `${formatCount(alarms.length, 'alarm')} acknowledged; on record and signed`
    output.line(alarms.length === 0 ? 'no alarm is open: nothing was recorded' : told)
  }
  return troubles.length === 0 ? 'done' : 'gaps'
}

import { Failure } from '../../../base/failure.ts'
import { describeRetentionCount } from '../../../model/count-retention.ts'
import { describeRetention } from '../../../model/describe-retention.ts'
import { onRecord } from '../../../procedures/on-record.ts'
import { countLeft } from '../../../procedures/retention/count-left.ts'
import { planAll } from '../../../procedures/retention/plan-all.ts'
import { executeRetention } from '../../../procedures/retention/retain-all.ts'
import { openInstallation } from '../../access/open-installation.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { formatCount } from '../../output/format-count.ts'
import { newRunId } from './new-run-id.ts'
import { watching } from './watching.ts'

export async function runRetain(
  context: CommandContext,
  named: readonly string[],
  options: { readonly dryRun?: true },
): Promise<Outcome> {
  const { output, world, signal } = context
  await using opened = await openInstallation(context)
  const { installation } = opened
  // Sources that the policy has no longer keep their backups by the same rules.
  const known = new Set([
    ...Object.keys(installation.policy.sources),
    ...(await installation.catalog.backups()).map(({ source }) => source),
  ])
  const unknown = named.find((source) => !known.has(source))
  if (unknown !== undefined) {
    throw new Failure(
      'usage',
      `Cannot apply retention to "${unknown}": there is no such source, only ${[...known].join(', ')}`,
    )
  }
  const plans = await planAll(installation, named.length === 0 ? [...known] : named, new Set(), signal)
  if (options.dryRun === true) {
    for (const plan of plans) {
      if (output.json) output.document({ message_type: 'retention_plan', ...plan })
      else for (const line of describeRetention(plan)) output.line(line)
    }
    return 'done'
  }
  await using watch = watching(context)
  const run = { id: newRunId(world.random), procedure: 'retain', trigger: 'person', source: undefined } as const
  const retained = await onRecord(installation, run, async () => {
    const answer = await executeRetention(installation, plans, watch, signal)
    return { answer, summary: `removed ${formatCount(answer.removed.length, 'backup')}`, gaps: answer.troubles }
  })
  await watch.end()
  for (const trouble of retained.troubles) output.problem({ during: 'retain', item: 'locations', message: trouble })
  const left = await countLeft(
    installation,
    plans.map(({ source }) => source),
  )
  if (output.json) output.document({ message_type: 'retained', ...retained, left })
  else {
    for (const held of retained.held) output.line(held)
    output.line(`removed ${formatCount(retained.removed.length, 'backup')}`)
    for (const { source, counts } of left) {
      for (const count of counts) output.line(`${source}: ${describeRetentionCount(count)}`)
    }
  }
  return retained.troubles.length > 0 ? 'gaps' : 'done'
}

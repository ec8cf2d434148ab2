import { openPolicy } from '../../access/open-policy.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { formatCount } from '../../output/format-count.ts'

/** Every fault comes as the Failure of openPolicy(); what is left to tell is that there is none. */
export async function runCheckPolicy(context: CommandContext): Promise<Outcome> {
  const { output } = context
  const { path, policy, document, warnings } = await openPolicy(context)
  const sources = Object.keys(policy.sources)
  if (output.json) {
    output.document({
      message_type: 'policy_check',
      path,
      digest: document.digest,
      environment: policy.environment,
      sources,
      warnings,
    })
    return 'done'
  }
  output.line(`${path} has no fault: ${policy.environment}, ${formatCount(sources.length, 'source')}`)
  for (const warning of warnings) output.notice(`note: ${warning}`)
  return 'done'
}

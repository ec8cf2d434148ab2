import { policyStatus } from '../../../model/status/policy-status.ts'
import type { StatusFacts } from '../../../model/status/status-facts.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { textStyle } from '../../output/text-style.ts'
import { statusDocument } from './status-document.ts'
import { statusText } from './status-text.ts'

/** Finds out what the status is told from. */
export type GatherStatusFacts = (context: CommandContext) => Promise<StatusFacts>

/** Lines stay readable on a wide terminal, and a narrower one than this wraps them itself. */
const widthMax = 100
const widthMin = 60
const widthOfPipe = 80

/** Tells how the policy is kept; the outcome is `damaged`, exit code 5, where a clause is breached. */
export async function runStatus(context: CommandContext, gather: GatherStatusFacts): Promise<Outcome> {
  const { output, world } = context
  const status = policyStatus(await gather(context))
  if (output.json) output.document(statusDocument(status))
  else {
    const width = Math.min(widthMax, Math.max(widthMin, world.stdout.columns ?? widthOfPipe))
    for (const line of statusText(status, width, textStyle(world))) output.line(line)
  }
  return status.exitCode === 0 ? 'done' : 'damaged'
}

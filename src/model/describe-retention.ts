import { formatMinute } from './age.ts'
import type { RetentionPlan } from './retention.ts'

/** A plan as lines of a table, newest backup first, with a last line that counts. */
export function describeRetention(plan: RetentionPlan): string[] {
  const kept = plan.decisions.filter(({ decision }) => decision === 'keep').length
  const removed = plan.decisions.length - kept
  const head = [`${plan.source}:`]
  if (plan.held !== undefined) head.push(`  ${plan.held}`)
  if (plan.decisions.length === 0) return [...head, '  no backups']
  const kindWidth = Math.max(...plan.decisions.map(({ backup }) => backup.kind.length))
  const rows = plan.decisions.map(({ backup, decision, reason }) =>
    [
      `  ${decision.padEnd(6)}`,
      backup.id.slice(0, 8),
      formatMinute(backup.takenAt),
      backup.kind.padEnd(kindWidth),
      reason,
    ].join('  '),
  )
  return [...head, ...rows, `  keeps ${kept}, removes ${removed}`]
}

import { countRetention, type RetentionCount } from '../../model/count-retention.ts'
import { countScheduled } from '../../model/count-scheduled.ts'
import { retentionRules } from '../../model/retention.ts'
import { graceMs } from '../../model/status/status-view.ts'
import type { Installation } from '../installation.ts'

/** What is left of a source, kind by kind, against what the policy wants. Plain JSON. */
export interface LeftOfSource {
  readonly source: string
  readonly counts: readonly RetentionCount[]
}

/** Counts the backups on record of each of these sources, as is to be done after retention. It changes nothing. */
export async function countLeft(
  { catalog, policy, clock }: Pick<Installation, 'catalog' | 'policy' | 'clock'>,
  sources: readonly string[],
): Promise<readonly LeftOfSource[]> {
  const rules = retentionRules(policy)
  const now = clock.now()
  const [first] = await catalog.policyVersions()
  const left: LeftOfSource[] = []
  for (const source of sources) {
    const backups = (await catalog.backups({ source })).filter(({ environment }) => environment === policy.environment)
    // Backups that are older than the record tell since when there was a policy.
    const times = [first?.since ?? now, ...backups.map(({ takenAt }) => takenAt)].map((time) => time.getTime())
    const since = new Date(Math.min(...times))
    const scheduled = countScheduled(policy, since, new Date(now.getTime() - graceMs))
    left.push({ source, counts: countRetention({ backups, rules, scheduled }) })
  }
  return left
}

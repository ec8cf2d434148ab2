import { failingRun, planRetention, type RetentionPlan, retentionRules } from '../../model/retention.ts'
import type { Installation } from '../installation.ts'

/**
 * What retention keeps and removes of each of these sources, now. `backedUp`: sources whose backup has just been stored, so
 * that a failure before it counts no more.
 */
export async function planAll(
  installation: Installation,
  sources: readonly string[],
  backedUp: ReadonlySet<string> = new Set(),
): Promise<readonly RetentionPlan[]> {
  const { catalog, policy, clock } = installation
  const rules = retentionRules(policy)
  const plans: RetentionPlan[] = []
  for (const source of sources) {
    const backups = (await catalog.backups({ source })).filter(({ environment }) => environment === policy.environment)
    const proofs = await catalog.proofs({ source })
    const runs = await catalog.runs({ procedure: 'backup', source, newest: runsLookedAt })
    const failing = backedUp.has(source) ? undefined : failingRun(runs, source)
    plans.push(planRetention({ source, backups, proofs, rules, failing, now: clock.now() }))
  }
  return plans
}

/** Enough to find the newest that has ended, with some that go on beside it. */
const runsLookedAt = 20

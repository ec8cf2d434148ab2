import { isFailure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import { failingRun, planRetention, type RetentionPlan, retentionRules } from '../../model/retention.ts'
import { objectNameOf } from '../../repository/object-kind.ts'
import type { Installation } from '../installation.ts'

/**
 * What retention keeps and removes of each of these sources, now. `backedUp`: sources whose backup has just been stored, so
 * that a failure before it counts no more. Nothing is removed of a source that has lost backups which are to stay: what is
 * on record and not there must not push out what is.
 */
export async function planAll(
  installation: Pick<Installation, 'catalog' | 'policy' | 'clock' | 'locations'>,
  sources: readonly string[],
  backedUp: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly RetentionPlan[]> {
  const { catalog, policy, clock } = installation
  const rules = retentionRules(policy)
  const vanished = await vanishedBackups(installation, signal)
  const plans: RetentionPlan[] = []
  for (const source of sources) {
    const backups = (await catalog.backups({ source })).filter(({ environment }) => environment === policy.environment)
    const proofs = await catalog.proofs({ source })
    const runs = await catalog.runs({ procedure: 'backup', source, newest: runsLookedAt })
    const failing = backedUp.has(source) ? undefined : failingRun(runs, source)
    const plan = planRetention({ source, backups, proofs, rules, failing, now: clock.now() })
    plans.push(holdFor(vanished, plan))
  }
  return plans
}

/** Enough to find the newest that has ended, with some that go on beside it. */
const runsLookedAt = 20

function holdFor(vanished: ReadonlySet<Id>, plan: RetentionPlan): RetentionPlan {
  const { source, decisions } = plan
  // What was to go may be gone already: by a retention that crashed before it said so.
  const lost = decisions.filter(({ backup, decision }) => decision === 'keep' && vanished.has(backup.id))
  if (lost.length === 0 || !decisions.some(({ decision }) => decision === 'remove')) return plan
  const names = lost.map(({ backup }) => backup.id.slice(0, 8)).join(', ')
  const held = `nothing is removed of "${source}" while backups that should stay are gone from the primary location (${names}): run \`verify\`, then \`heal\``
  return {
    source,
    held,
    decisions: decisions.map((one) =>
      one.decision === 'keep'
        ? one
        : { backup: one.backup, decision: 'keep', reason: `held, since others are gone; else: ${one.reason}` },
    ),
  }
}

/** Backups that are on record as stored at the primary location and are not there. One that can not be looked at holds no removal: nothing is removed there then. */
async function vanishedBackups(
  { catalog, policy, locations }: Pick<Installation, 'catalog' | 'policy' | 'locations'>,
  signal: AbortSignal,
): Promise<ReadonlySet<Id>> {
  const copies = (await catalog.copies()).filter(({ location }) => location === 'primary')
  const stored = new Set(copies.map(({ backup }) => backup))
  const backups = (await catalog.backups()).filter(
    ({ id, environment }) => environment === policy.environment && stored.has(id),
  )
  const vanished = new Set<Id>()
  for (const [generation, ofIt] of Map.groupBy(backups, (backup) => backup.generation)) {
    try {
      await using storage = await locations.opened({ location: 'primary', generation }, signal)
      const there = new Set<string>()
      for await (const { objectName } of storage.inside.list('snapshots/', signal)) there.add(objectName)
      for (const { id } of ofIt) if (!there.has(objectNameOf('snapshots', id))) vanished.add(id)
    } catch (error) {
      if (signal.aborted || !isFailure(error)) throw error
    }
  }
  return vanished
}

import type { RecoveryPlan, RecoverySnapshot } from './plan-recovery.ts'

/**
 * The recovery of a snapshot to where its own WAL ends, which is what its manifest tells of; without a restore point, to where
 * it is consistent. It needs no stored WAL; what is stored says which timelines there are already, so that the new one is none of
 * them.
 */
export function planOwnEnd(snapshot: RecoverySnapshot, restorePoint: string | null): RecoveryPlan {
  const { timeline, endLsn, walEndLsn } = snapshot
  const common = { recovery_target_timeline: String(timeline), recovery_target_action: 'pause' }
  if (restorePoint === null) {
    const settings = { ...common, recovery_target: 'immediate' }
    return { snapshot, target: { kind: 'latest' }, timeline, entries: [], settings, expectedLsn: endLsn }
  }
  return {
    snapshot,
    target: { kind: 'name', name: restorePoint },
    timeline,
    entries: [],
    settings: { ...common, recovery_target_name: restorePoint },
    expectedLsn: walEndLsn,
  }
}

import type { PolicyStatus } from '../../../model/status/policy-status.ts'

/** The status as one JSON document; what is not known is null, not absent. */
export function statusDocument(status: PolicyStatus): object {
  return {
    message_type: 'policy_status',
    environment: status.environment,
    policy_digest: status.policyDigest,
    at: status.at,
    state: status.state,
    clauses: status.clauses.map(({ section, clause, state, evidence, remedy }) => ({
      section,
      clause,
      state,
      evidence,
      remedy: remedy ?? null,
    })),
    sources: status.sources.map((source) => ({
      source: source.source,
      kind: source.kind,
      last_full: backupDocument(source.lastFull),
      last_incremental: backupDocument(source.lastIncremental),
      last_pre_operation: backupDocument(source.lastPreOperation),
      newest_good: backupDocument(source.newestGood),
      newest_good_age_ms: source.newestGood?.ageMs ?? null,
      recovery_point_ms: source.recoveryPointMs,
      copies: source.copies,
      last_verification: source.lastVerification ?? null,
      next_due: source.nextDue ?? null,
    })),
  }
}

function backupDocument(backup: PolicyStatus['sources'][number]['lastFull']): object | null {
  return backup === undefined ? null : { id: backup.id, taken_at: backup.takenAt, gaps: backup.gaps }
}

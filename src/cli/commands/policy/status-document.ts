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
    recovery_time_forecasts: status.forecasts.map(({ location, durationMs, range, breachAt, unknown }) => ({
      location,
      duration_ms: roundedMs(durationMs),
      least_ms: roundedMs(range?.leastMs),
      most_ms: roundedMs(range?.mostMs),
      breach_at: breachAt ?? null,
      unknown,
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
      recovery_point_age_ms: source.pointAgeMs ?? null,
      recovery_points: source.points.map(({ location, by, ageMs, provenAgeMs, gap }) => ({
        location,
        by,
        age_ms: ageMs ?? null,
        proven_age_ms: provenAgeMs ?? null,
        log_gap: gap ?? null,
      })),
      recovery_time_forecasts: source.forecasts.map((forecast) => forecastDocument(forecast)),
      copies: source.copies,
      last_verification: source.lastVerification ?? null,
      failed_run:
        (source.failedRun && {
          run: source.failedRun.run,
          started_at: source.failedRun.startedAt,
          failure: source.failedRun.failure,
          message: source.failedRun.message,
        }) ??
        null,
      next_due: source.nextDue ?? null,
    })),
  }
}

function forecastDocument(
  forecast: PolicyStatus['sources'][number]['forecasts'][number],
): Readonly<Record<string, unknown>> {
  const { location, bytes, durationMs, range, phases, replay, measurements, unknown, lacks } = forecast
  return {
    location,
    bytes: bytes ?? null,
    duration_ms: roundedMs(durationMs),
    least_ms: roundedMs(range?.leastMs),
    most_ms: roundedMs(range?.mostMs),
    open_ms: roundedMs(phases?.openMs),
    transfer_ms: roundedMs(phases?.transferMs),
    verify_ms: roundedMs(phases?.verifyMs),
    replay_ms: roundedMs(replay?.durationMs),
    replay_bytes: replay === undefined ? null : Math.round(replay.bytes),
    measurements,
    unknown: unknown ?? null,
    lacks,
  }
}

function roundedMs(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms)
}

function backupDocument(backup: PolicyStatus['sources'][number]['lastFull']): object | null {
  return backup === undefined ? null : { id: backup.id, taken_at: backup.takenAt, gaps: backup.gaps }
}

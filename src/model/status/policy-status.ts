import type { Environment } from '../policy/policy.ts'
import type { RecoveryForecast } from '../objectives/recovery-forecast.ts'
import type { ClauseStatus } from './clause-status.ts'
import { algorithmClause, keyManagementClause, keyRotationClause } from './encryption-clauses.ts'
import { locationClause } from './location-clauses.ts'
import { recoveryPointClause, recoveryTimeClause } from './objective-clauses.ts'
import { responsibilitiesClause } from './responsibilities-clause.ts'
import {
  fullBackupsClause,
  incrementalBackupsClause,
  postgresqlSnapshotsClause,
  sqliteSnapshotsClause,
} from './schedule-clauses.ts'
import { sourceStatus } from './source-status.ts'
import type { SourceStatus } from './source-status.ts'
import type { StatusFacts } from './status-facts.ts'
import { viewFacts } from './status-view.ts'
import { recoveryDrillClause, restoreTestsClause } from './testing-clauses.ts'

/** How the policy is kept, clause by clause, at a moment. */
export interface PolicyStatus {
  readonly environment: Environment
  readonly policyDigest: string
  readonly at: Date
  /** Breached where a clause is, else due where one is, else met. */
  readonly state: 'met' | 'due' | 'breached'
  /** 5 where a clause is breached. */
  readonly exitCode: 0 | 5
  /** In the order of the policy document. */
  readonly clauses: readonly ClauseStatus[]
  readonly sources: readonly SourceStatus[]
  /** How long everything would take today, by location. */
  readonly forecasts: readonly Omit<RecoveryForecast, 'sources'>[]
}

export function policyStatus(facts: StatusFacts): PolicyStatus {
  const view = viewFacts(facts)
  const clauses = [
    fullBackupsClause(view),
    incrementalBackupsClause(view),
    postgresqlSnapshotsClause(view),
    sqliteSnapshotsClause(view),
    locationClause(view, 'primary'),
    locationClause(view, 'secondary'),
    algorithmClause(view),
    keyManagementClause(view),
    keyRotationClause(view),
    restoreTestsClause(view),
    recoveryDrillClause(view),
    recoveryTimeClause(view),
    recoveryPointClause(view),
    responsibilitiesClause(view),
  ]
  const has = (state: ClauseStatus['state']): boolean => clauses.some((clause) => clause.state === state)
  const state = has('breached') ? 'breached' : has('due') ? 'due' : 'met'
  return {
    environment: facts.policy.environment,
    policyDigest: facts.policyDigest,
    at: facts.now,
    state,
    exitCode: state === 'breached' ? 5 : 0,
    clauses,
    sources: view.sources.map((source) => sourceStatus(source, view)),
    forecasts: view.forecasts.map(({ sources: _sources, ...forecast }) => forecast),
  }
}

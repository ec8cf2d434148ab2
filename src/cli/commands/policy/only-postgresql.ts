import { Failure } from '../../../base/failure.ts'
import type { Policy } from '../../../model/policy/policy.ts'

/** Names of the PostgreSQL sources of a policy. Failure `usage` where it has none. */
export function postgresqlSources({ sources }: Pick<Policy, 'sources'>): string[] {
  const names = Object.entries(sources).flatMap(([name, { kind }]) => (kind === 'postgresql' ? [name] : []))
  if (names.length > 0) return names
  throw new Failure('usage', 'Cannot work on PostgreSQL: the policy has no source of it', {
    facts: { hint: 'A source is `kind: postgresql` with its `url`; docs/postgresql.md says how to set one up' },
  })
}

/** The source that is named, or the only one that there is. Failure `usage`. */
export function onlyPostgresql(policy: Pick<Policy, 'sources'>, name: string | undefined): string {
  if (name !== undefined) return name
  const [first, ...others] = postgresqlSources(policy)
  if (others.length === 0) return first!
  throw new Failure('usage', `Cannot tell which source is meant: the policy has ${[first, ...others].join(', ')}`, {
    facts: { hint: 'Name it with --source' },
  })
}

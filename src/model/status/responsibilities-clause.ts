import { clauseOf } from './clause-status.ts'
import type { ClauseStatus } from './clause-status.ts'
import type { StatusView } from './status-view.ts'

const roles = [
  ['devops', 'DevOps'],
  ['dba', 'DBA'],
  ['security', 'Security'],
  ['management', 'Management'],
] as const

export function responsibilitiesClause({ facts }: StatusView): ClauseStatus {
  const findings = roles.map(([key, title]) => {
    const names = facts.policy.responsibilities[key].filter((name) => name.trim() !== '')
    return names.length > 0
      ? ({ state: 'met', evidence: `${title}: ${names.join(', ')}` } as const)
      : ({
          state: 'breached',
          evidence: `${title}: nobody is named`,
          remedy: `name somebody under responsibilities.${key}, then: zakops-backup policy check`,
        } as const)
  })
  return clauseOf('Responsibilities', 'Responsibilities', findings)
}

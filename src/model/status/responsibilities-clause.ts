import { clauseOf } from './clause-status.ts'
import type { ClauseStatus, Finding } from './clause-status.ts'
import type { StatusView } from './status-view.ts'

const roles = [
  ['devops', 'DevOps'],
  ['dba', 'DBA'],
  ['security', 'Security'],
  ['management', 'Management'],
] as const

export function responsibilitiesClause({ facts }: StatusView): ClauseStatus {
  const named = roles.map(([key, title]) => {
    const names = facts.policy.responsibilities[key].filter((name) => name.trim() !== '')
    return { key, title, names }
  })
  const nobody: Finding[] = named
    .filter(({ names }) => names.length === 0)
    .map(({ key, title }) => ({
      state: 'breached',
      evidence: `${title}: nobody is named`,
      remedy: `name somebody under responsibilities.${key}, then: zakops-backup policy check`,
    }))
  const texts = named.filter(({ names }) => names.length > 0).map(({ title, names }) => `${title}: ${names.join(', ')}`)
  const bad = [...ledgerFindings(facts), ...weakerFindings(facts), ...nobody]
  const findings: Finding[] = texts.length === 0 ? bad : [...bad, { state: 'met', evidence: texts.join('; ') }]
  return clauseOf('Responsibilities', 'Responsibilities', findings)
}

/** Who did what is known from the ledger alone. */
function ledgerFindings({ ledgerFault }: StatusView['facts']): Finding[] {
  if (ledgerFault === undefined) return []
  return [
    {
      state: 'breached',
      evidence: `the evidence is not as it was recorded: ${ledgerFault}`,
      remedy: 'compare with the last export: zakops-backup evidence verify FILE --public-key KEY --policy POLICY',
    },
  ]
}

/** What is said to be met is met by the file; who weakens it by an editor must not see everything in order. */
function weakerFindings({ notAccepted = [] }: StatusView['facts']): Finding[] {
  const [first] = notAccepted
  if (first === undefined) return []
  const more = notAccepted.length === 1 ? '' : ` (and ${notAccepted.length - 1} more)`
  const evidence = `the policy file promises less than the policy in force, and nobody accepted that: ${first}${more}`
  return [
    { state: 'breached', evidence, remedy: 'put the policy back, or: zakops-backup backup --accept-weaker "REASON"' },
  ]
}

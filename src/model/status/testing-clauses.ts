import { formatDay } from '../age.ts'
import { formatDuration } from '../policy/duration.ts'
import type { Proof } from '../run.ts'
import { monthAfter, yearAfter } from './calendar.ts'
import { clauseOf } from './clause-status.ts'
import type { ClauseStatus, Finding } from './clause-status.ts'
import { failedFindings } from './run-findings.ts'
import type { DrillFact } from './status-facts.ts'
import { longGraceMs } from './status-view.ts'
import type { StatusView } from './status-view.ts'

const testing = 'Testing'

export function restoreTestsClause(view: StatusView): ClauseStatus {
  return clauseOf(testing, 'Monthly restore tests', [
    ...differentFindings(view),
    restoreTestFinding(view),
    ...failedFindings(view, ['restore-test']),
  ])
}

function restoreTestFinding({ facts, since, now }: StatusView): Finding {
  const remedy = 'zakops-backup procedure run restore-test'
  const tests = facts.proofs.filter(({ run }) => facts.testRuns.has(run))
  const proof = newestOf(tests, now)
  if (proof === undefined) return neverFinding('run', monthAfter(since), now, remedy)
  const found = proof.outcome === 'equal' ? 'restored and found equal' : 'restored and found different'
  return repeatedFinding(`${found}: ${mentionProof(proof)}`, monthAfter(proof.at), now, remedy)
}

/** A test of one source that found a difference is not made good by a later one of another source. */
function differentFindings({ facts, now }: StatusView): Finding[] {
  return Object.keys(facts.policy.sources).flatMap((source): Finding[] => {
    const tests = facts.proofs.filter((proof) => proof.source === source && facts.testRuns.has(proof.run))
    const proof = newestOf(tests, now)
    if (proof?.outcome !== 'different') return []
    const evidence = `what was restored is not what was backed up: ${mentionProof(proof)}`
    return [{ state: 'breached', evidence, remedy: `zakops-backup procedure run restore-test --source ${source}` }]
  })
}

function mentionProof({ source, backup, location, at, run }: Proof): string {
  return `${source} ${backup.slice(0, 8)} from ${location}, ${formatDay(at)} (run ${run})`
}

export function recoveryDrillClause(view: StatusView): ClauseStatus {
  return clauseOf(testing, 'Annual disaster recovery drill', [drillFinding(view)])
}

function drillFinding({ facts, since, now }: StatusView): Finding {
  const remedy = 'zakops-backup procedure run recovery-drill'
  const drill = newestOf<DrillFact>(facts.drills, now)
  if (drill === undefined) return neverFinding('held', yearAfter(since), now, remedy)
  const day = formatDay(drill.at)
  if (drill.outcome === 'failed') return { state: 'breached', evidence: `the drill of ${day} failed`, remedy }
  if (drill.lessons === 'missing') {
    const evidence = `the drill of ${day} is not closed: nobody has written the lessons learned (run ${drill.run})`
    const remedyText = `zakops-backup procedure drill-lessons ${drill.run} --text …`
    return { state: now < yearAfter(drill.at) ? 'due' : 'breached', evidence, remedy: remedyText }
  }
  const minutes = formatDuration(Math.max(1, Math.round(drill.durationMs / 60_000)) * 60_000)
  return repeatedFinding(`held ${day}, recovered in ${minutes}`, yearAfter(drill.at), now, remedy)
}

function neverFinding(verb: string, due: Date, now: Date, remedy: string): Finding {
  const isLate = now.getTime() >= due.getTime() + longGraceMs
  const evidence = isLate
    ? `never ${verb}; the first was due by ${formatDay(due)}`
    : `not yet: never ${verb}; the first is due by ${formatDay(due)}`
  return { state: isLate ? 'breached' : 'due', evidence, remedy }
}

function repeatedFinding(found: string, due: Date, now: Date, remedy: string): Finding {
  if (now < due) return { state: 'met', evidence: `${found}; next due by ${formatDay(due)}` }
  const state = now.getTime() < due.getTime() + longGraceMs ? 'due' : 'breached'
  return { state, evidence: `${found}; the next was due by ${formatDay(due)}`, remedy }
}

function newestOf<T extends Pick<Proof, 'at'>>(list: readonly T[], now: Date): T | undefined {
  return list
    .filter(({ at }) => at <= now)
    .reduce<T | undefined>((last, one) => (last !== undefined && last.at > one.at ? last : one), undefined)
}

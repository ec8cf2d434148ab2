import { formatMinute } from '../age.ts'
import { describeAlarm } from '../evidence/evidence-alarm.ts'
import type { LocationName } from '../policy/policy.ts'
import { latestDueTimes } from '../policy/due-times.ts'
import type { Verification } from '../run.ts'
import { monthAfter } from './calendar.ts'
import { clauseOf } from './clause-status.ts'
import type { ClauseStatus, Finding } from './clause-status.ts'
import { countOf, mention } from './mention.ts'
import { failedFindings } from './run-findings.ts'
import { graceMs, longGraceMs } from './status-view.ts'
import type { StatusView } from './status-view.ts'

export function locationClause(view: StatusView, location: LocationName): ClauseStatus {
  const { policy } = view.facts
  const findings: Finding[] = view.locations.includes(location)
    ? [
        reachableFinding(view, location),
        copiesFinding(view, location),
        verifiedFinding(view, location),
        ...alarmFindings(view, location),
        ...failedFindings(view, location === 'primary' ? ['verify'] : ['replicate']),
      ]
    : [{ state: 'not applicable', evidence: `${policy.environment} has no ${location} location (N/A)` }]
  return clauseOf('Backup Locations', `Backup locations: ${location}`, findings)
}

/** Without the primary nothing can be backed up; the secondary is caught up when it is there again. */
function reachableFinding({ facts }: StatusView, location: LocationName): Finding {
  const place = facts.policy.locations[facts.policy.environment]?.[location]
  const storage = place === undefined || place === 'N/A' ? location : place.storage
  const found = facts.locations.find(({ name }) => name === location)
  if (found !== undefined && found.unreachable === undefined) {
    return { state: 'met', evidence: `${storage} is reachable, encrypted` }
  }
  const reason = found === undefined ? 'it was not looked at' : found.unreachable
  const evidence = `${storage} can not be reached: ${reason}`
  const remedy = location === 'primary' ? 'zakops-backup status (when it is back)' : 'zakops-backup replicate'
  return { state: location === 'primary' ? 'breached' : 'due', evidence, remedy }
}

/** What speaks against the evidence stays until a person has said why it is so: a breach where part of it is gone for good. */
function alarmFindings({ facts }: StatusView, location: LocationName): Finding[] {
  const open = (facts.alarms ?? []).filter((one) => one.location === location && one.acknowledged === undefined)
  return open.map((alarm) => ({
    state: alarm.cause === 'heads unknown' ? 'breached' : 'due',
    evidence: `evidence, ${formatMinute(alarm.at)} (entry ${alarm.sequence}): ${describeAlarm(alarm)}`,
    remedy: 'find out why, then: zakops-backup evidence acknowledge --reason TEXT',
  }))
}

/** Whether every backup lies there; the newest ones may be on their way for as long as the policy may lose. */
function copiesFinding({ facts, copiesOf, sources, now }: StatusView, location: LocationName): Finding {
  const backups = sources.flatMap((source) => source.backups)
  const missing = backups
    .filter(({ id }) => copiesOf.get(id)?.has(location) !== true)
    .toSorted((a, b) => a.endedAt.getTime() - b.endedAt.getTime())
  const [oldest] = missing
  if (backups.length === 0 && facts.locations.some(({ name, holdsUnknown }) => name === location && holdsUnknown)) {
    const evidence = 'backups lie there, and none of them is on record: the record was lost'
    return { state: 'breached', evidence, remedy: 'zakops-backup catalog rebuild' }
  }
  if (oldest === undefined) {
    const state = backups.length === 0 ? 'not yet' : 'met'
    return {
      state,
      evidence: backups.length === 0 ? 'no backups so far' : `all ${countOf(backups.length, 'backup')} there`,
    }
  }
  const waited = now.getTime() - oldest.endedAt.getTime()
  const state = waited < facts.policy.objectives.recoveryPoint + graceMs ? 'due' : 'breached'
  const evidence = `${missing.length} of ${countOf(backups.length, 'backup')} not there, the oldest ${mention(oldest)}`
  return { state, evidence, remedy: location === 'primary' ? 'zakops-backup heal' : 'zakops-backup replicate' }
}

/** Whether what lies there was read lately, and what was found. */
function verifiedFinding({ facts, sources, since, now }: StatusView, location: LocationName): Finding {
  const remedy = 'zakops-backup verify'
  const there = facts.verifications.filter((one) => one.location === location && one.at <= now)
  const faulty = newestOfEachPart(there).filter(({ faults }) => faults > 0)
  if (faulty.length > 0) {
    const [first] = faulty
    const faults = faulty.reduce((sum, one) => sum + one.faults, 0)
    const evidence = `${countOf(faults, 'fault')} found at the verification of ${formatMinute(first!.at)} (run ${first!.run})`
    return { state: 'breached', evidence, remedy: 'zakops-backup heal' }
  }
  const newest = there.reduce<Verification | undefined>(
    (last, one) => (last !== undefined && last.at > one.at ? last : one),
    undefined,
  )
  if (newest !== undefined) return lateFinding(newest.at, `verified ${formatMinute(newest.at)}, no faults`, facts, now)
  if (sources.every(({ backups }) => backups.length === 0))
    return { state: 'not yet', evidence: 'nothing to verify so far' }
  const finding = lateFinding(since, `never verified since ${formatMinute(since)}`, facts, now)
  return { ...finding, remedy }
}

/** Weekly; after a month without, not every byte was read each month. */
function lateFinding(from: Date, evidence: string, { policy }: StatusView['facts'], now: Date): Finding {
  const due = latestDueTimes(policy, now).find(({ procedure }) => procedure === 'verify')?.at
  const remedy = 'zakops-backup verify'
  if (now.getTime() >= monthAfter(from).getTime() + longGraceMs) return { state: 'breached', evidence, remedy }
  const isDue = due !== undefined && from < due && now.getTime() >= due.getTime() + longGraceMs
  if (!isDue) return { state: 'met', evidence }
  return { state: 'due', evidence: `${evidence}; due ${formatMinute(due)}`, remedy }
}

/** Of the same part of the same generation the last word counts. */
function newestOfEachPart(verifications: readonly Verification[]): Verification[] {
  const last = new Map<string, Verification>()
  for (const one of verifications) {
    const part = one.scope.kind === 'structure' ? 'structure' : `${one.scope.part}/${one.scope.of}`
    const key = `${one.generation} ${part}`
    const known = last.get(key)
    if (known === undefined || known.at <= one.at) last.set(key, one)
  }
  return [...last.values()]
}

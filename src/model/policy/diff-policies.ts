import { policyProcedureNames } from '../procedures/policy-procedures.ts'
import { isDeepStrictEqual } from 'node:util'
import { longestBackupGap } from './backup-gap.ts'
import { diffSources } from './diff-sources.ts'
import { formatDuration } from './duration.ts'
import type { PolicyChange } from './policy-change.ts'
import { environments, type LocationPolicy, type Policy } from './policy.ts'
import { locationsOf } from './resolve-policy.ts'
import { weekdayTime } from './describe-policy.ts'

/**
 * In what a policy differs from the one before it, in the order of the policy. A change weakens where less is kept, for
 * shorter or at fewer places, where less is backed up, tested or asserted, or where more may be lost or take longer.
 */
export function diffPolicies(before: Policy, after: Policy): PolicyChange[] {
  return [
    ...diffEnvironment(before, after),
    ...diffSchedule(before, after),
    ...diffRetention(before, after),
    ...environments.flatMap((one) => diffLocations(one, before.locations[one], after.locations[one])),
    ...diffEncryption(before, after),
    ...diffObjectives(before, after),
    ...diffResponsibilities(before, after),
    ...diffServices(before, after),
    ...diffConfirm(before, after),
    ...diffSources(before.sources, after.sources),
    ...moved('state', 'state', before.state, after.state),
  ]
}

function diffEnvironment(before: Policy, after: Policy): PolicyChange[] {
  if (before.environment === after.environment) return []
  const losesSecondary = hasSecondary(before) && !hasSecondary(after)
  const copies = losesSecondary ? ', which has no secondary location' : ''
  const text = `environment: ${after.environment}${copies}, before it was ${before.environment}`
  return [{ setting: 'environment', text, weakens: before.environment === 'production' || losesSecondary }]
}

function hasSecondary(policy: Policy): boolean {
  return locationsOf(policy).some(({ name }) => name === 'secondary')
}

function diffSchedule(before: Policy, after: Policy): PolicyChange[] {
  const [old, now] = [before.schedule, after.schedule]
  const [oldGap, gap] = [longestBackupGap(old), longestBackupGap(now)]
  const changes: PolicyChange[] = []
  if (old.full.day !== now.full.day || old.full.time !== now.full.time) {
    const text = `full backups: ${weekdayTime(now.full)}, before it was ${weekdayTime(old.full)}`
    changes.push({ setting: 'schedule.full', text, weakens: false })
  }
  if (old.incremental.time !== now.incremental.time) {
    const text = `incremental backups: ${now.incremental.time} UTC, before it was ${old.incremental.time} UTC`
    changes.push({ setting: 'schedule.incremental.time', text, weakens: false })
  }
  if (gap.ms > oldGap.ms) {
    const text = `longest time between backups: ${formatDuration(gap.ms)}, from ${gap.from} to ${gap.to}; before it was ${formatDuration(oldGap.ms)}`
    changes.push({ setting: 'schedule', text, weakens: true })
  }
  return changes
}

const retained = {
  full: 'full backups',
  incremental: 'incremental backups',
  snapshots: 'backups before operations',
} as const

function diffRetention(before: Policy, after: Policy): PolicyChange[] {
  return (['full', 'incremental', 'snapshots'] as const).flatMap((kind) => {
    const [old, now] = [before.schedule[kind].retention, after.schedule[kind].retention]
    const changes: PolicyChange[] = []
    if (old.copies !== now.copies) {
      const text = `${retained[kind]}: the last ${now.copies} stay, before it was the last ${old.copies}`
      changes.push({ setting: `schedule.${kind}.retention.copies`, text, weakens: now.copies < old.copies })
    }
    if (old.age !== now.age) {
      const text = `${retained[kind]}: they stay for ${formatDuration(now.age)}, before it was ${formatDuration(old.age)}`
      changes.push({ setting: `schedule.${kind}.retention.age`, text, weakens: now.age < old.age })
    }
    return changes
  })
}

type Locations = Policy['locations'][keyof Policy['locations']]

function diffLocations(environment: string, before: Locations, after: Locations): PolicyChange[] {
  const above = `locations.${environment}`
  const primary = moved(
    `${above}.primary`,
    `${environment}, primary location`,
    storageOf(before?.primary),
    storageOf(after?.primary),
  )
  const [old, now] = [storageOf(before?.secondary), storageOf(after?.secondary)]
  const name = `${environment}, secondary location`
  const isDropped = old !== undefined && now === undefined
  return [
    ...primary,
    ...moved(`${above}.secondary`, name, old, now).map((change) => ({ ...change, weakens: isDropped })),
  ]
}

function storageOf(location: LocationPolicy | 'N/A' | undefined): string | undefined {
  return location === undefined || location === 'N/A' ? undefined : location.storage
}

function diffEncryption(before: Policy, after: Policy): PolicyChange[] {
  const [old, now] = [before.encryption.keyManagement, after.encryption.keyManagement]
  return [
    ...moved('encryption.keyManagement.keyring', 'keyring', old.keyring, now.keyring),
    ...moved(
      'encryption.keyManagement.unlock',
      'what opens the keyring',
      unlockText(old.unlock),
      unlockText(now.unlock),
    ),
  ]
}

function unlockText(unlock: Policy['encryption']['keyManagement']['unlock']): string {
  return 'keyFile' in unlock ? `key file ${unlock.keyFile}` : `passphrase ${unlock.passphrase}`
}

function diffObjectives(before: Policy, after: Policy): PolicyChange[] {
  const names = { recoveryTime: 'RTO', recoveryPoint: 'RPO' } as const
  return (['recoveryTime', 'recoveryPoint'] as const).flatMap((one) => {
    const [old, now] = [before.objectives[one], after.objectives[one]]
    if (old === now) return []
    const text = `${names[one]}: ${formatDuration(now)}, before it was ${formatDuration(old)}`
    return [{ setting: `objectives.${one}`, text, weakens: now > old }]
  })
}

function diffResponsibilities(before: Policy, after: Policy): PolicyChange[] {
  return (['devops', 'dba', 'security', 'management'] as const).flatMap((role) => {
    const [old, now] = [before.responsibilities[role], after.responsibilities[role]]
    return moved(`responsibilities.${role}`, `${role} answers`, old.join(', '), now.join(', '))
  })
}

function diffServices(before: Policy, after: Policy): PolicyChange[] {
  const names = [...new Set([...Object.keys(before.services), ...Object.keys(after.services)])]
  return names.flatMap((name) => {
    const [old, now] = [before.services[name], after.services[name]]
    if (isDeepStrictEqual(old, now)) return []
    const losesHealth = old?.health !== undefined && now?.health === undefined
    const verb = old === undefined ? 'is new' : now === undefined ? 'is gone' : 'has other commands'
    const text = `service ${name} ${verb}${losesHealth ? '; its health is no longer checked after a restore' : ''}`
    return [{ setting: `services.${name}`, text, weakens: losesHealth }]
  })
}

function diffConfirm(before: Policy, after: Policy): PolicyChange[] {
  return policyProcedureNames.flatMap((procedure) => {
    const [old, now] = [before.confirm[procedure], after.confirm[procedure]]
    if (isDeepStrictEqual(old, now)) return []
    const lost = old.filter((step) => !now.includes(step))
    const text =
      lost.length > 0
        ? `${procedure}: nobody is asked any more before "${lost.join('", "')}"`
        : `${procedure}: a person is asked before "${now.join('", "')}"`
    return [{ setting: `confirm.${procedure}`, text, weakens: lost.length > 0 }]
  })
}

/** A setting that has another value, is new or is gone; by itself that weakens nothing. */
function moved(setting: string, name: string, before: string | undefined, after: string | undefined): PolicyChange[] {
  if (before === after) return []
  const [old, now] = [before ?? 'none', after ?? 'none']
  return [{ setting, text: `${name}: ${now}, before it was ${old}`, weakens: false }]
}

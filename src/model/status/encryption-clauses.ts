import { formatDay } from '../age.ts'
import { yearAfter } from './calendar.ts'
import { clauseOf } from './clause-status.ts'
import type { ClauseStatus, Finding } from './clause-status.ts'
import { countOf, mention } from './mention.ts'
import type { GenerationFact, KeyringFact } from './status-facts.ts'
import { longGraceMs } from './status-view.ts'
import type { StatusView } from './status-view.ts'

const encryption = 'Encryption'

export function algorithmClause({ facts }: StatusView): ClauseStatus {
  const wanted = facts.policy.encryption.algorithm
  const finding: Finding =
    facts.algorithm === wanted
      ? { state: 'met', evidence: `every object is sealed with ${wanted} (counter mode, with Poly1305-AES)` }
      : {
          state: 'breached',
          evidence: `repositories are sealed with ${facts.algorithm}, the policy says ${wanted}`,
          remedy: 'zakops-backup keys rotate',
        }
  return clauseOf(encryption, 'Encryption: algorithm', [finding])
}

export function keyManagementClause(view: StatusView): ClauseStatus {
  const { keyring } = view.facts
  if (keyring.state === 'unopened') {
    const finding: Finding = { state: 'breached', evidence: keyring.message, remedy: 'zakops-backup keys check' }
    return clauseOf(encryption, 'Encryption: key management', [finding])
  }
  const findings = [
    apartFinding(keyring),
    ...unopenableFindings(view, keyring.generations),
    ...kitFindings(view, keyring.generations),
  ]
  return clauseOf(encryption, 'Encryption: key management', findings)
}

function apartFinding(keyring: Exclude<KeyringFact, { readonly state: 'unopened' }>): Finding {
  if (keyring.state === 'apart') return { state: 'met', evidence: `keyring ${keyring.path}, apart from the backups` }
  return {
    state: 'breached',
    evidence: `keyring ${keyring.path} lies together with ${keyring.with}`,
    remedy: 'move the keyring, then: zakops-backup policy check',
  }
}

/** Backups whose key is not there any more are lost. */
function unopenableFindings({ sources }: StatusView, generations: readonly GenerationFact[]): Finding[] {
  const opened = new Set(generations.filter(({ state }) => state !== 'destroyed').map(({ generation }) => generation))
  const lost = sources.flatMap(({ backups }) => backups).filter(({ generation }) => !opened.has(generation))
  const [first] = lost
  if (first === undefined) return []
  const which = `${countOf(lost.length, 'backup')} of generation ${[...new Set(lost.map((one) => one.generation))].join(', ')}`
  const evidence = `no key opens ${which}, the newest ${mention(first)}`
  return [{ state: 'breached', evidence, remedy: 'zakops-backup keys import FILE' }]
}

/** The kit is proven every year, and made anew after each rotation, since it opens what it knew. */
function kitFindings({ facts, now }: StatusView, generations: readonly GenerationFact[]): Finding[] {
  const { kit } = facts
  if (kit === undefined) return []
  const create = 'zakops-backup keys kit create --to DIR'
  const test = 'zakops-backup keys kit test --share FILE --share FILE'
  const since = facts.policySince ?? now
  if (kit.createdAt === undefined) return [kitFinding('no recovery kit was made', yearAfter(since), now, create)]
  const active = generations.find(({ state }) => state === 'active')
  const made = `recovery kit made ${formatDay(kit.createdAt)}`
  if (active !== undefined && active.createdAt > kit.createdAt) {
    const evidence = `${made}, before generation ${active.generation}: it does not open the newest backups`
    return [kitFinding(evidence, yearAfter(active.createdAt), now, create)]
  }
  if (kit.testedAt === undefined) return [kitFinding(`${made}, never tested`, yearAfter(kit.createdAt), now, test)]
  const due = yearAfter(kit.testedAt)
  const evidence = `${made}, tested ${formatDay(kit.testedAt)}`
  if (now < due) return [{ state: 'met', evidence: `${evidence}; next due by ${formatDay(due)}` }]
  return [kitFinding(evidence, due, now, test)]
}

/** Due at once, breached a day after its year is over. */
function kitFinding(evidence: string, due: Date, now: Date, remedy: string): Finding {
  const isLate = now.getTime() >= due.getTime() + longGraceMs
  return { state: isLate ? 'breached' : 'due', evidence: `${evidence}; due by ${formatDay(due)}`, remedy }
}

export function keyRotationClause({ facts, now }: StatusView): ClauseStatus {
  return clauseOf(encryption, 'Encryption: key rotation', [rotationFinding(facts.keyring, now)])
}

function rotationFinding(keyring: KeyringFact, now: Date): Finding {
  const remedy = 'zakops-backup keys rotate'
  if (keyring.state === 'unopened') {
    return {
      state: 'breached',
      evidence: 'the age of the key is not known: the keyring does not open',
      remedy: 'zakops-backup keys check',
    }
  }
  const active = keyring.generations.find(({ state }) => state === 'active')
  if (active === undefined) return { state: 'not yet', evidence: 'there is no key so far: the first backup makes it' }
  const due = yearAfter(active.createdAt)
  const made = `generation ${active.generation} made ${formatDay(active.createdAt)}`
  if (now < due) return { state: 'met', evidence: `${made}, rotation due ${formatDay(due)}` }
  const state = now.getTime() < due.getTime() + longGraceMs ? 'due' : 'breached'
  return { state, evidence: `${made}, rotation was due ${formatDay(due)}`, remedy }
}

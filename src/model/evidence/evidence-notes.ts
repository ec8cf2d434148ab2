import { hash } from 'node:crypto'
import { canonicalJson } from '../../base/canonical-json.ts'
import type { Backup, BackupCopy } from '../backup.ts'
import type { Id } from '../id.ts'
import type { Environment, LocationName } from '../policy/policy.ts'
import type { KeyEvent, PolicyVersion, Proof, RunBeginning, RunEnd, Verification } from '../run.ts'
import type { EvidenceNote } from './evidence-entry.ts'

/** What the catalog puts into the ledger with each of its writes, in the same transaction. */

export function runBegun(run: RunBeginning): EvidenceNote {
  const { id, procedure, trigger, source, dueAt, startedAt, process } = run
  const facts = { run: id, procedure, trigger, source, dueAt, process }
  return { at: startedAt, kind: 'run begun', actor: processName(process), facts }
}

export function runEnded(run: RunBeginning, end: RunEnd): EvidenceNote {
  const { endedAt, ...rest } = end
  const facts = { run: run.id, procedure: run.procedure, source: run.source, ...rest }
  return { at: endedAt, kind: 'run ended', actor: processName(run.process), facts }
}

export function backupStored(backup: Backup): EvidenceNote {
  return { at: backup.endedAt, kind: 'backup stored', actor: `run ${backup.run}`, facts: { ...backup } }
}

export function backupRemoved(backup: Id, at: Date, actor: string): EvidenceNote {
  return { at, kind: 'backup removed', actor, facts: { backup } }
}

export function copyStored({ backup, location, storedAt }: BackupCopy, actor: string): EvidenceNote {
  return { at: storedAt, kind: 'copy stored', actor, facts: { backup, location } }
}

export function copyRemoved(backup: Id, location: LocationName, at: Date, actor: string): EvidenceNote {
  return { at, kind: 'copy removed', actor, facts: { backup, location } }
}

export function catalogRebuilt(
  environment: Environment,
  found: { readonly backups: readonly Backup[]; readonly copies: readonly BackupCopy[] },
  at: Date,
  actor: string,
): EvidenceNote {
  const counts = { backups: found.backups.length, copies: found.copies.length }
  return {
    at,
    kind: 'catalog rebuilt',
    actor,
    facts: { environment, ...counts, digest: hash('sha256', canonicalJson(found)) },
  }
}

export function verified({ at, ...facts }: Verification): EvidenceNote {
  return { at, kind: 'verification', actor: `run ${facts.run}`, facts }
}

export function proven({ at, ...facts }: Proof): EvidenceNote {
  return { at, kind: 'proof', actor: `run ${facts.run}`, facts }
}

export function keyUsed({ at, actor, kind, generation }: KeyEvent): EvidenceNote {
  return { at, kind: 'key event', actor, facts: { event: kind, generation } }
}

export function policyInForce({ since, actor, ...facts }: PolicyVersion): EvidenceNote {
  return { at: since, kind: 'policy version', actor, facts }
}

/** A drill as it ended: what was recovered, in which time, and how old it was. */
export interface DrillEvidence {
  readonly run: string
  readonly at: Date
  readonly outcome: 'recovered' | 'failed'
  /** The recovery time that was reached. */
  readonly durationMs: number
  /** The recovery point that was reached: the age of the oldest source's backup. */
  readonly recoveryPointMs: number | undefined
  readonly detail: string | undefined
}

export function drillHeld({ at, ...facts }: DrillEvidence, actor: string): EvidenceNote {
  return { at, kind: 'drill', actor, facts }
}

/** What somebody learned from a drill or a test: it closes the drill. */
export function lessonLearned(
  { run, text }: { readonly run: string; readonly text: string },
  at: Date,
  actor: string,
): EvidenceNote {
  return { at, kind: 'lesson', actor, facts: { run, text } }
}

function processName({ host, processId }: RunBeginning['process']): string {
  return `process ${processId} of ${host}`
}

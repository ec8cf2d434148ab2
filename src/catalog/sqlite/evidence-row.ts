import { locationNames } from '../../model/policy/policy.ts'
import { keyEventKinds, proofOutcomes, verificationScopes } from '../../model/run.ts'
import type { KeyEvent, PolicyVersion, Proof, Verification } from '../../model/run.ts'
import { RowReader } from './row-reader.ts'
import type { Row } from './row-reader.ts'

type Values = readonly (string | number | null)[]

export const putVerification = `
  INSERT INTO verifications (run, at, location, generation, scope, part, parts, objects, bytes, faults)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`

/** A check of the structure has no part; 0 stands for that, since what is null is never the same twice. */
export function verificationValues(one: Verification): Values {
  const [part, parts] = one.scope.kind === 'data' ? [one.scope.part, one.scope.of] : [0, 0]
  const { run, at, location, generation, scope, objects, bytes, faults } = one
  return [run, at.getTime(), location, generation, scope.kind, part, parts, objects, bytes, faults]
}

export function readVerification(row: Row, path: string): Verification {
  const reader = new RowReader(row, `verification ${String(row.seq)} of the catalog "${path}"`)
  const kind = reader.oneOf('scope', verificationScopes)
  return {
    run: reader.text('run'),
    at: reader.date('at'),
    location: reader.oneOf('location', locationNames),
    generation: reader.count('generation'),
    scope: kind === 'structure' ? { kind } : { kind, part: reader.count('part'), of: reader.count('parts') },
    objects: reader.count('objects'),
    bytes: reader.count('bytes'),
    faults: reader.count('faults'),
  }
}

export const putProof = `
  INSERT INTO proofs (run, at, backup, source, location, outcome, duration_ms, open_ms, transfer_ms, verify_ms)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`

export function proofValues(proof: Proof): Values {
  const { run, at, backup, source, location, outcome, durationMs, phases } = proof
  const times = [phases?.openMs, phases?.transferMs, phases?.verifyMs].map((ms) => wholeMs(ms))
  return [run, at.getTime(), backup, source, location, outcome, Math.round(durationMs), ...times]
}

function wholeMs(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms)
}

export function readProof(row: Row, path: string): Proof {
  const reader = new RowReader(row, `proof ${String(row.seq)} of the catalog "${path}"`)
  return {
    run: reader.text('run'),
    at: reader.date('at'),
    backup: reader.id('backup'),
    source: reader.text('source'),
    location: reader.oneOf('location', locationNames),
    outcome: reader.oneOf('outcome', proofOutcomes),
    durationMs: reader.count('duration_ms'),
    ...(row['open_ms'] !== null && {
      phases: {
        openMs: reader.count('open_ms'),
        transferMs: reader.count('transfer_ms'),
        verifyMs: reader.count('verify_ms'),
      },
    }),
  }
}

export const putKeyEvent =
  'INSERT INTO key_events (at, kind, generation, actor) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING'

export function keyEventValues(event: KeyEvent): Values {
  return [event.at.getTime(), event.kind, event.generation ?? null, event.actor]
}

export function readKeyEvent(row: Row, path: string): KeyEvent {
  const reader = new RowReader(row, `key event ${String(row.seq)} of the catalog "${path}"`)
  return {
    at: reader.date('at'),
    kind: reader.oneOf('kind', keyEventKinds),
    generation: reader.optional('generation', (column) => reader.count(column)),
    actor: reader.text('actor'),
  }
}

export const putPolicyVersion = `
  INSERT INTO policy_versions (digest, since, text, weakened, reason, actor) VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT DO NOTHING`

export function policyVersionValues(version: PolicyVersion): Values {
  const { digest, since, text, weakened, reason, actor } = version
  return [digest, since.getTime(), text, JSON.stringify(weakened), reason ?? null, actor]
}

export function readPolicyVersion(row: Row, path: string): PolicyVersion {
  const reader = new RowReader(row, `policy version ${String(row.seq)} of the catalog "${path}"`)
  return {
    digest: reader.text('digest'),
    since: reader.date('since'),
    text: reader.text('text'),
    weakened: reader.texts('weakened'),
    reason: reader.optional('reason', (column) => reader.text(column)),
    actor: reader.text('actor'),
  }
}

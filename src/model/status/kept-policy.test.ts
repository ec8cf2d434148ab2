import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleBackup, sampleId } from '../../../testing/backup-samples.ts'
import { sampleStatusFacts, statusPolicy } from '../../../testing/status-samples.ts'
import type { Backup } from '../backup.ts'
import { dueTimes } from '../policy/due-times.ts'
import { planRetention, retentionRules } from '../retention.ts'
import type { Proof, Verification } from '../run.ts'
import { policyStatus } from './policy-status.ts'

const minuteMs = 60_000

/** What a service has done so far that does all that is due, a few minutes after it is due. */
class Service {
  readonly since: Date
  backups: Backup[] = []
  readonly verifications: Verification[] = []
  readonly proofs: Proof[] = []
  #count = 0

  constructor(since: Date) {
    this.since = since
  }

  backUp(at: Date, kind: 'full' | 'incremental'): void {
    for (const source of Object.keys(statusPolicy.sources)) {
      const isFirst = !this.backups.some((backup) => backup.source === source)
      const takenAt = new Date(at.getTime() + 3000)
      this.#count += 1
      const id = sampleId(this.#count)
      this.backups.push(sampleBackup({ id, source, takenAt, kind: isFirst ? 'full' : kind }))
      const { decisions } = planRetention({
        source,
        backups: this.backups.filter((backup) => backup.source === source),
        proofs: this.proofs,
        rules: retentionRules(statusPolicy),
        failing: undefined,
        now: new Date(takenAt.getTime() + minuteMs),
      })
      const removed = new Set(decisions.flatMap(({ backup, decision }) => (decision === 'remove' ? [backup.id] : [])))
      this.backups = this.backups.filter((backup) => !removed.has(backup.id))
    }
  }

  verify(at: Date): void {
    for (const location of ['primary', 'secondary'] as const) {
      const scope = { kind: 'data', part: 1, of: 5 } as const
      this.verifications.push({ run: 'v', at, location, generation: 1, scope, objects: 1, bytes: 1, faults: 0 })
    }
  }

  test(at: Date): void {
    const { id, source } = this.backups[0]!
    const outcome = 'equal'
    this.proofs.push({ run: 't', at, backup: id, source, location: 'primary', outcome, durationMs: minuteMs })
  }

  breaches(now: Date): string[] {
    const { backups, verifications, proofs, since } = this
    const testRuns = new Set(proofs.map(({ run }) => run))
    const common = { backups, verifications, proofs, testRuns, policySince: since, now }
    const facts = sampleStatusFacts({ ...common, runs: [], drills: [] })
    const generations = [{ generation: 1, createdAt: since, state: 'active' }] as const
    const { clauses } = policyStatus({ ...facts, keyring: { state: 'apart', path: '/k', generations } })
    return clauses
      .filter(({ state }) => state === 'breached')
      .map(({ clause, evidence }) => `${now.toISOString()} ${clause}: ${evidence[0]!.text}`)
  }
}

test('a policy whose first backup a person took at once, on a day of no full, is not breached before Sunday', () => {
  const service = new Service(new Date('2026-03-04T12:00:00Z'))
  service.backUp(new Date('2026-03-04T13:00:00Z'), 'full')
  for (const due of dueTimes(statusPolicy, service.since, 8)) {
    if (due.procedure === 'backup') service.backUp(due.at, due.kind!)
    if (due.procedure === 'verify') service.verify(new Date(due.at.getTime() + 5 * minuteMs))
    for (const hours of [0, 1, 5, 11]) {
      assert.deepEqual(service.breaches(new Date(due.at.getTime() + hours * 60 * minuteMs + minuteMs)), [])
    }
  }
})

test('a policy that is kept is never breached, from the first day on, and is once a day is missed', () => {
  const service = new Service(new Date('2026-03-04T12:00:00Z'))
  for (const due of dueTimes(statusPolicy, service.since, 90)) {
    assert.deepEqual(service.breaches(due.at), [])
    assert.deepEqual(service.breaches(new Date(due.at.getTime() + 59 * minuteMs)), [])
    if (due.procedure === 'backup') service.backUp(due.at, due.kind!)
    if (due.procedure === 'verify') service.verify(new Date(due.at.getTime() + 5 * minuteMs))
    if (due.procedure === 'restore-test') service.test(new Date(due.at.getTime() + 5 * minuteMs))
    assert.deepEqual(service.breaches(new Date(due.at.getTime() + 6 * minuteMs)), [])
  }
  const [missed] = dueTimes(statusPolicy, service.backups.at(-1)!.takenAt, 10).filter(({ kind }) => kind !== undefined)
  const late = service.breaches(new Date(missed!.at.getTime() + 61 * minuteMs))
  assert.ok(
    late.some((line) => line.includes('Incremental backups: documents: due')),
    late.join('\n'),
  )
  assert.ok(late.some((line) => line.includes('Recovery point (RPO)')))
})

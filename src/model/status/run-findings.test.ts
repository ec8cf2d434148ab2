import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleRun } from '../../../testing/backup-samples.ts'
import { guardRun, sampleStatusFacts } from '../../../testing/status-samples.ts'
import type { Run, RunBeginning } from '../run.ts'
import { type PolicyStatus, policyStatus } from './policy-status.ts'
import type { StatusFacts } from './status-facts.ts'

const sample = sampleStatusFacts()
const recoveryPoint = 'Recovery point (RPO)'
const [startedAt, later] = [new Date('2026-11-25T04:00:00Z'), new Date('2026-11-25T05:00:00Z')]
const remedy = 'Free room (`forget --prune` needs some itself) or enlarge the storage, then run the command again'

function failed(changes: Partial<RunBeginning> = {}): Run {
  return {
    ...sampleRun({ id: 'run-bad:documents', trigger: 'person', startedAt, ...changes }),
    state: 'failed',
    endedAt: startedAt,
    failure: 'storage_full',
    message: 'Cannot store "data/ab": no room is left on /srv/backup.',
  }
}

function statusOf(runs: readonly Run[], changes: Partial<StatusFacts> = {}): PolicyStatus {
  return policyStatus(sampleStatusFacts({ runs: [guardRun, ...runs], ...changes }))
}

function clauseOf(status: PolicyStatus, name: string) {
  return status.clauses.find(({ clause }) => clause === name)!
}

test('policyStatus() says at once that the last backup of a source failed, why, and what to do', () => {
  const status = statusOf([failed()])
  const { state, evidence, remedy: command } = clauseOf(status, recoveryPoint)
  assert.deepEqual([status.state, status.exitCode, state], ['due', 0, 'due'])
  const message = `Cannot store "data/ab": no room is left on /srv/backup. ${remedy}`
  const expected = `documents: the last backup failed, 2026-11-25 04:00 (run run-bad:documents): ${message}`
  assert.equal(evidence[0]!.text, expected)
  assert.equal(command, 'zakops-backup backup documents')
  const told = { run: 'run-bad:documents', startedAt, failure: 'storage_full', message }
  assert.deepEqual(
    status.sources.map(({ failedRun }) => failedRun),
    [told, undefined, undefined],
  )
})

test('policyStatus() takes a run whose process died for one that failed', () => {
  const run: Run = { ...sampleRun({ startedAt }), state: 'lost', endedAt: startedAt }
  assert.equal(statusOf([run]).sources[0]!.failedRun?.failure, 'lost')
})

test('policyStatus() tells a failure until something made it good', () => {
  const running: Run = { ...sampleRun({ id: 'run-next', startedAt: later }), state: 'running' }
  const again = clauseOf(statusOf([failed(), running]), recoveryPoint)
  assert.match(again.evidence[0]!.text, /; run run-next is trying again$/)

  const good: Run = { ...running, state: 'done', endedAt: later, summary: '' }
  assert.equal(statusOf([failed(), good]).state, 'met')
  assert.equal(statusOf([good, failed()]).state, 'met')
  assert.equal(statusOf([good, failed({ startedAt: new Date('2026-11-25T05:30:00Z') })]).state, 'due')
  const ofOthers = [
    failed({ source: 'gone' }),
    failed({ procedure: 'restore' }),
    failed({ procedure: 'heal', source: undefined }),
    failed({ startedAt: new Date('2027-01-01') }),
  ]
  assert.equal(statusOf(ofOthers).state, 'met')

  // Killed behind its backup: what is there counts, unless something is missing from it.
  const last = sample.backups.find(({ source, takenAt }) => source === 'documents' && takenAt.getUTCDate() === 25)!
  const withLast = (gaps: number) => ({
    backups: sample.backups.map((one) => (one === last ? { ...one, gaps, endedAt: later } : one)),
  })
  assert.equal(statusOf([failed()], withLast(0)).state, 'met')
  assert.notEqual(statusOf([failed()], withLast(1)).sources[0]!.failedRun, undefined)
})

test('policyStatus() says that a verification, a replication or a restore test failed where its clause is', () => {
  for (const [procedure, clause, command] of [
    ['verify', 'Backup locations: primary', 'zakops-backup verify'],
    ['replicate', 'Backup locations: secondary', 'zakops-backup replicate'],
    ['restore-test', 'Monthly restore tests', 'zakops-backup procedure run restore-test'],
  ] as const) {
    const found = clauseOf(statusOf([failed({ procedure, source: undefined })]), clause)
    assert.equal(found.state, 'due')
    assert.match(found.evidence[0]!.text, new RegExp(`^the last ${procedure} failed, 2026-11-25 04:00`))
    assert.equal(found.remedy, command)
  }
})

test('policyStatus() names the run that failed beside a backup that is due', () => {
  const backups = sample.backups.filter(({ source, takenAt }) => source !== 'documents' || takenAt.getUTCDate() !== 25)
  const { evidence } = clauseOf(statusOf([failed()], { backups }), 'Incremental backups')
  assert.match(evidence[0]!.text, /^documents: due 2026-11-25 02:00, run run-bad:documents failed, not taken/)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { sampleBackup, sampleId, sampleRun } from '../../testing/backup-samples.ts'
import { backupKinds } from './backup.ts'
import type { Backup, BackupKind } from './backup.ts'
import { countRetention, describeRetentionCount } from './count-retention.ts'
import { describeRetention } from './describe-retention.ts'
import { failingRun, planRetention, provenBackups } from './retention.ts'
import type { RetentionFacts } from './retention.ts'
import type { Proof, Run } from './run.ts'

const dayMs = 86_400_000
const rules = {
  full: { copies: 4, age: 28 * dayMs },
  incremental: { copies: 7, age: 7 * dayMs },
  'pre-operation': { copies: 3, age: 7 * dayMs },
}
const now = new Date('2026-03-01T02:00:10Z')

/** A backup so many days before now. */
function aged(days: number, kind: BackupKind = 'full', changes: Partial<Backup> = {}): Backup {
  const takenAt = new Date(now.getTime() - days * dayMs)
  return sampleBackup({ id: sampleId(Math.round((days + 1000) * 1000) + kind.length), kind, takenAt, ...changes })
}

function proofOf(backup: Backup, changes: Partial<Proof> = {}): Proof {
  const { id, source } = backup
  return { run: 'r', at: now, backup: id, source, location: 'primary', outcome: 'equal', durationMs: 1, ...changes }
}

function plan(backups: readonly Backup[], changes: Partial<RetentionFacts> = {}): ReturnType<typeof planRetention> {
  return planRetention({ source: 'documents', backups, proofs: [], rules, failing: undefined, now, ...changes })
}

function keptDays(backups: readonly Backup[], changes: Partial<RetentionFacts> = {}): number[] {
  return plan(backups, changes)
    .decisions.filter(({ decision }) => decision === 'keep')
    .map(({ backup }) => Math.round((now.getTime() - backup.takenAt.getTime()) / dayMs))
}

const failed: Run = {
  ...sampleRun({ id: 'run-bad', startedAt: now }),
  state: 'failed',
  endedAt: now,
  failure: 'source_unreadable',
  message: 'gone',
}

test('planRetention() keeps the last four fulls however old they are, and removes the fifth', () => {
  assert.deepEqual(keptDays([100, 200, 300, 400, 500].map((days) => aged(days))), [100, 200, 300, 400])
})

test('planRetention() keeps all that are younger than the age, however many there are, and not one that is just as old', () => {
  const days = Array.from({ length: 29 }, (_, one) => one)
  assert.deepEqual(keptDays(days.map((one) => aged(one))), days.slice(0, 28))
})

test('planRetention() counts each kind by its own rule', () => {
  const old = [50, 51, 52, 53, 54, 55, 56, 57, 58]
  assert.equal(keptDays(old.map((days) => aged(days, 'full'))).length, 4)
  assert.equal(keptDays(old.map((days) => aged(days, 'incremental'))).length, 7)
  assert.equal(keptDays(old.map((days) => aged(days, 'pre-operation'))).length, 3)
  assert.equal(keptDays(old.flatMap((days) => backupKinds.map((kind) => aged(days, kind)))).length, 14)
})

test('planRetention() never lets partial backups take the place of complete ones', () => {
  const complete = [100, 101, 102, 103].map((days) => aged(days))
  const partial = [1, 2, 3, 4, 5, 90, 91].map((days) => aged(days, 'full', { gaps: 2 }))
  assert.deepEqual(keptDays([...complete, ...partial]), [1, 2, 3, 4, 5, 100, 101, 102, 103])
  // Where nothing else is there, the last partial ones stay.
  assert.deepEqual(keptDays([90, 91, 92, 93, 94].map((days) => aged(days, 'full', { gaps: 1 }))), [90, 91, 92, 93])
})

test('planRetention() never removes the newest that was proven to restore, nor the newest complete one', () => {
  const backups = [100, 101, 102, 103, 104, 105, 106].map((days) => aged(days))
  const proofs = [proofOf(backups[6]!), proofOf(backups[5]!)]
  assert.deepEqual(keptDays(backups, { proofs }), [100, 101, 102, 103, 105])
  const different = [...proofs, proofOf(backups[5]!, { outcome: 'different', at: new Date(now.getTime() + 1) })]
  assert.deepEqual(keptDays(backups, { proofs: different }), [100, 101, 102, 103, 106])
  const one = { ...rules, full: { copies: 1, age: dayMs }, incremental: { copies: 1, age: dayMs } }
  const reasons = plan([aged(50), aged(60, 'incremental'), aged(70)], { rules: one }).decisions.map(
    ({ reason }) => reason,
  )
  assert.deepEqual(reasons, [
    'the last full, the newest complete one',
    'the last incremental',
    '70 days old, limit 1 day; 1 newer full, limit 1',
  ])
})

test('provenBackups() goes by what was found last, at either location', () => {
  const [a, b, c] = [aged(1), aged(2), aged(3)]
  const later = new Date(now.getTime() + 1)
  const proofs = [
    proofOf(a, { outcome: 'different', at: later }),
    proofOf(a),
    proofOf(b, { outcome: 'different' }),
    proofOf(b, { at: later }),
    proofOf(c, { outcome: 'different', at: later }),
    proofOf(c, { location: 'secondary' }),
  ]
  assert.deepEqual([...provenBackups(proofs)].sort(), [b.id, c.id].sort())
})

test('planRetention() takes backups from the future for young, and lets them push nothing out', () => {
  const past = [100, 101, 102, 103, 104].map((days) => aged(days))
  const future = [-1, -2, -3, -4, -5, -6].map((days) => aged(days))
  assert.deepEqual(keptDays([...past, ...future]), [-6, -5, -4, -3, -2, -1, 100, 101, 102, 103])
})

test('planRetention() removes nothing while the newest run failed, and says what it would', () => {
  const backups = [100, 200, 300, 400, 500].map((days) => aged(days))
  const { decisions, held } = plan(backups, { failing: failed })
  assert.equal(held, 'nothing is removed while newer backups of "documents" fail: run run-bad failed')
  assert.ok(decisions.every(({ decision }) => decision === 'keep'))
  assert.match(decisions[4]!.reason, /^held, since newer backups fail; else: 500 days old/)
  assert.equal(plan(backups.slice(0, 4), { failing: failed }).held, undefined)
})

function at(hour: number): Date {
  return new Date(now.getTime() + hour * 3_600_000)
}

test('failingRun() answers the newest run where it failed or was lost', () => {
  const done = (hour: number): Run => ({
    ...sampleRun({ startedAt: at(hour) }),
    state: 'done',
    endedAt: at(hour),
    summary: '',
  })
  const bad = { ...failed, startedAt: at(2) }
  const lost: Run = { ...sampleRun({ startedAt: at(2), source: undefined }), state: 'lost', endedAt: at(3) }
  const running: Run = { ...sampleRun({ startedAt: at(9) }), state: 'running' }
  assert.equal(failingRun([done(1), bad, running], 'documents'), bad)
  assert.equal(failingRun([bad, done(1)], 'documents'), bad)
  assert.equal(failingRun([done(1), lost], 'documents'), lost)
  assert.equal(failingRun([done(3), bad], 'documents'), undefined)
  assert.equal(failingRun([bad], 'shop'), undefined)
  assert.equal(failingRun([{ ...bad, procedure: 'verify' }], 'documents'), undefined)
})

const someBackups = fc.uniqueArray(
  fc.record({
    hours: fc.integer({ min: -200, max: 2000 }),
    kind: fc.constantFrom(...backupKinds),
    gaps: fc.constantFrom(0, 0, 2),
  }),
  { maxLength: 40, selector: ({ hours }) => hours },
)

function built(
  list: readonly { readonly hours: number; readonly kind: BackupKind; readonly gaps: number }[],
): Backup[] {
  return list.map(({ hours, kind, gaps }) => aged(hours / 24, kind, { gaps, id: sampleId(hours + 1000) }))
}

function removedIds(backups: readonly Backup[], changes: Partial<RetentionFacts> = {}): Set<string> {
  const removed = plan(backups, changes).decisions.filter(({ decision }) => decision === 'remove')
  return new Set(removed.map(({ backup }) => backup.id))
}

test('planRetention() never removes a young backup, whatever is added', () => {
  fc.assert(
    fc.property(someBackups, (list) => {
      const backups = built(list)
      const removed = removedIds(backups)
      for (const backup of backups) {
        if (now.getTime() - backup.takenAt.getTime() < rules[backup.kind].age) assert.ok(!removed.has(backup.id))
      }
    }),
  )
})

test('planRetention() decides about a backup without regard to those of the future', () => {
  fc.assert(
    fc.property(someBackups, (list) => {
      const backups = built(list)
      const past = backups.filter(({ takenAt }) => takenAt <= now)
      assert.deepEqual(removedIds(backups), removedIds(past))
    }),
  )
})

test('planRetention() leaves at least so many complete ones of each kind as the rule wants, where there are so many', () => {
  fc.assert(
    fc.property(someBackups, (list) => {
      const backups = built(list)
      const removed = removedIds(backups)
      for (const kind of backupKinds) {
        const complete = backups.filter((one) => one.kind === kind && one.gaps === 0)
        const left = complete.filter(({ id }) => !removed.has(id)).length
        assert.ok(left >= Math.min(complete.length, rules[kind].copies))
      }
    }),
  )
})

test('planRetention() after it was applied removes nothing more', () => {
  fc.assert(
    fc.property(someBackups, (list) => {
      const backups = built(list)
      const removed = removedIds(backups)
      assert.equal(removedIds(backups.filter(({ id }) => !removed.has(id))).size, 0)
    }),
  )
})

test('two years of weekly fulls and daily incrementals leave exactly the policy’s set on each day', () => {
  const start = Date.UTC(2026, 0, 4, 2)
  let backups: Backup[] = []
  for (let day = 0; day < 730; day++) {
    const takenAt = new Date(start + day * dayMs + (day % 7) * 1000)
    const kind = day % 7 === 0 ? 'full' : 'incremental'
    backups.push(sampleBackup({ id: sampleId(day + 1), kind, takenAt }))
    const removed = removedIds(backups, { now: new Date(takenAt.getTime() + 60_000) })
    backups = backups.filter(({ id }) => !removed.has(id))
    const days = Array.from({ length: day + 1 }, (_, one) => one)
    const wanted = [...days.filter((one) => one % 7 === 0).slice(-4), ...days.filter((one) => one % 7 !== 0).slice(-7)]
    assert.deepEqual(new Set(backups.map(({ id }) => Number.parseInt(id, 16) - 1)), new Set(wanted), `day ${day}`)
  }
})

test('countRetention() tells met, met so far and short apart', () => {
  const backups = [...[1, 8].map((days) => aged(days)), aged(15, 'full', { gaps: 1 }), aged(2, 'incremental')]
  const count = (full: number, incremental: number): string[] =>
    countRetention({
      backups,
      rules: { ...rules, incremental: { copies: 1, age: dayMs } },
      scheduled: { full, incremental },
    }).map(describeRetentionCount)
  assert.deepEqual(count(3, 9), [
    'full: 2 of 4 copies since 2026-02-21 (4 weeks wanted), met so far',
    'incremental: 1 of 1 copy since 2026-02-27 (1 day wanted), met',
    'pre-operation: 0 of 3 copies (1 week wanted), met so far',
  ])
  assert.equal(count(4, 9)[0], 'full: 2 of 4 copies since 2026-02-21 (4 weeks wanted), short')
})

test('describeRetention() prints each decision with its reason', () => {
  const backups = [aged(1, 'incremental'), ...[2, 100, 200, 300, 400].map((days) => aged(days))]
  const lines = describeRetention(plan(backups))
  assert.deepEqual(lines, [
    'documents:',
    '  keep    00000000  2026-02-28 02:00  incremental  one of the last 7 incremental, younger than 1 week, the newest complete one',
    '  keep    00000000  2026-02-27 02:00  full         one of the last 4 full, younger than 4 weeks',
    '  keep    00000000  2025-11-21 02:00  full         one of the last 4 full',
    '  keep    00000000  2025-08-13 02:00  full         one of the last 4 full',
    '  keep    00000000  2025-05-05 02:00  full         one of the last 4 full',
    '  remove  00000000  2025-01-25 02:00  full         400 days old, limit 4 weeks; 4 newer full, limit 4',
    '  keeps 5, removes 1',
  ])
  assert.deepEqual(describeRetention(plan([])), ['documents:', '  no backups'])
})

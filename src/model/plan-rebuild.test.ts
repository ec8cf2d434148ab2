import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleBackup, sampleId, snapshotOf } from '../../testing/backup-samples.ts'
import { planRebuild } from './plan-rebuild.ts'

const day = (date: number): Date => new Date(Date.UTC(2026, 2, date, 2))
const one = sampleBackup({ id: sampleId(1), takenAt: day(2) })
const two = sampleBackup({ id: sampleId(2), takenAt: day(1), source: 'shop', sourceKind: 'sqlite', gaps: 2 })
const newer = sampleBackup({ id: sampleId(3), takenAt: day(3), generation: 2 })

test('planRebuild() knows each backup once, with a copy for each location that holds it', () => {
  const plan = planRebuild('production', [
    { location: 'primary', generation: 1, snapshots: [one, two].map((backup) => snapshotOf(backup)) },
    { location: 'secondary', generation: 1, snapshots: [snapshotOf(one)] },
    { location: 'secondary', generation: 2, snapshots: [snapshotOf(newer)] },
  ])
  assert.deepEqual(plan, {
    backups: [two, one, newer],
    copies: [
      { backup: one.id, location: 'primary', storedAt: one.endedAt },
      { backup: two.id, location: 'primary', storedAt: two.endedAt },
      { backup: one.id, location: 'secondary', storedAt: one.endedAt },
      { backup: newer.id, location: 'secondary', storedAt: newer.endedAt },
    ],
    foreign: 0,
    faults: [],
  })
})

test('planRebuild() leaves foreign snapshots alone and tells those that it can not take', () => {
  const elsewhere = sampleBackup({ id: sampleId(4), environment: 'staging' })
  const { foreign, faults, backups, copies } = planRebuild('production', [
    {
      location: 'primary',
      generation: 1,
      snapshots: [snapshotOf(one, ['nightly']), snapshotOf(two, ['run=x']), snapshotOf(elsewhere), snapshotOf(newer)],
    },
    { location: 'primary', generation: 2, snapshots: [snapshotOf(newer)] },
    { location: 'secondary', generation: 1, snapshots: [snapshotOf(one, ['nightly'])] },
  ])
  assert.equal(foreign, 1)
  assert.deepEqual(
    backups.map(({ id }) => id),
    [newer.id],
  )
  assert.equal(copies.length, 1)
  assert.deepEqual(
    faults.map(({ snapshot }) => snapshot),
    [two.id, elsewhere.id, newer.id],
  )
  assert.match(faults[0]!.message, /no tag "environment=…"/)
  assert.match(faults[1]!.message, /it is of the environment staging, expected production/)
  assert.match(faults[2]!.message, /it is in generation 1 and in generation 2/)
})

import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import type { Snapshot } from '../../model/snapshot.ts'
import { applyPolicy, hasTags } from './apply-policy.ts'
import type { ForgetPolicy } from './forget-policy.ts'
import { parseLongDuration } from './long-duration.ts'

const now = '2030-01-01T00:00:00Z'

/** One snapshot for each time; ids grow with the position. */
function snapshotsAt(...times: string[]): Snapshot[] {
  return times.map((time, position) => ({
    id: position.toString(16).padStart(64, '0'),
    time,
    tree: 'f'.repeat(64),
    paths: ['/data'],
  }))
}

function kept(snapshots: Snapshot[], policy: ForgetPolicy): Record<string, string> {
  const outcome = applyPolicy(snapshots, policy, now)
  return Object.fromEntries(outcome.reasons.map(({ snapshot, matches }) => [snapshot.time, matches.join('; ')]))
}

test('applyPolicy() keeps the newest of each day, and the oldest of all while the count lasts', () => {
  const snapshots = snapshotsAt(
    '2024-03-01T08:00:00Z',
    '2024-03-01T20:00:00Z',
    '2024-03-02T08:00:00Z',
    '2024-03-02T20:00:00Z',
    '2024-03-03T08:00:00Z',
  )
  assert.deepEqual(kept(snapshots, { daily: 2 }), {
    '2024-03-03T08:00:00Z': 'daily snapshot',
    '2024-03-02T20:00:00Z': 'daily snapshot',
  })
  assert.deepEqual(kept(snapshots, { daily: 10 }), {
    '2024-03-03T08:00:00Z': 'daily snapshot',
    '2024-03-02T20:00:00Z': 'daily snapshot',
    '2024-03-01T20:00:00Z': 'daily snapshot',
    '2024-03-01T08:00:00Z': 'oldest daily snapshot',
  })
})

test('applyPolicy() counts the days of the place where the snapshot was made', () => {
  const snapshots = snapshotsAt('2024-03-01T23:30:00-05:00', '2024-03-02T00:30:00-05:00', '2024-03-02T08:00:00-05:00')
  assert.deepEqual(Object.keys(kept(snapshots, { daily: 2 })), [
    '2024-03-02T08:00:00-05:00',
    '2024-03-01T23:30:00-05:00',
  ])
})

test('applyPolicy() counts weeks from Monday to Sunday, across the turn of a year', () => {
  const snapshots = snapshotsAt(
    '2020-12-27T12:00:00Z', // Sunday of week 52
    '2020-12-28T12:00:00Z', // Monday of week 53
    '2021-01-03T12:00:00Z', // Sunday of week 53
    '2021-01-04T12:00:00Z', // Monday of week 1
  )
  assert.deepEqual(kept(snapshots, { weekly: 3 }), {
    '2021-01-04T12:00:00Z': 'weekly snapshot',
    '2021-01-03T12:00:00Z': 'weekly snapshot',
    '2020-12-27T12:00:00Z': 'weekly snapshot',
  })
})

test('applyPolicy() joins the reasons of all rules, with what the counters have left', () => {
  const snapshots = snapshotsAt('2024-01-31T10:00:00Z', '2024-02-29T10:00:00.5Z')
  const outcome = applyPolicy(snapshots, { last: 1, monthly: 5, within: parseLongDuration('1h') }, now)
  assert.deepEqual(
    outcome.reasons.map(({ matches, counters }) => ({ matches, last: counters.last, monthly: counters.monthly })),
    [
      { matches: ['within 1h', 'last snapshot', 'monthly snapshot'], last: 0, monthly: 4 },
      { matches: ['monthly snapshot'], last: 0, monthly: 3 },
    ],
  )
})

test('applyPolicy() counts durations back from the latest snapshot by the calendar, excluding the edge', () => {
  const snapshots = snapshotsAt('2024-02-29T10:00:00Z', '2024-02-29T10:00:00.000000001Z', '2024-03-29T10:00:00Z')
  assert.deepEqual(Object.keys(kept(snapshots, { within: parseLongDuration('1m') })), [
    '2024-03-29T10:00:00Z',
    '2024-02-29T10:00:00.000000001Z',
  ])
  // Thirty days before 29 March is 28 February, of which 2024 has more than one after it.
  assert.equal(Object.keys(kept(snapshots, { within: parseLongDuration('30d') })).length, 3)
})

test('applyPolicy() never counts from a snapshot of the future', () => {
  const snapshots = snapshotsAt('2024-01-01T00:00:00Z', '2024-01-02T00:00:00Z', '2031-01-01T00:00:00Z')
  assert.deepEqual(Object.keys(kept(snapshots, { within: parseLongDuration('2d') })), [
    '2031-01-01T00:00:00Z',
    '2024-01-02T00:00:00Z',
    '2024-01-01T00:00:00Z',
  ])
})

test('applyPolicy() picks one of each bucket within a duration', () => {
  const snapshots = snapshotsAt(
    '2024-01-01T01:00:00Z',
    '2024-01-09T01:00:00Z',
    '2024-01-10T01:00:00Z',
    '2024-01-10T02:00:00Z',
  )
  assert.deepEqual(kept(snapshots, { withinDaily: parseLongDuration('7d') }), {
    '2024-01-10T02:00:00Z': 'daily within 7d',
    '2024-01-09T01:00:00Z': 'daily within 7d',
  })
  assert.deepEqual(kept(snapshots.slice(2), { withinDaily: parseLongDuration('7d') }), {
    '2024-01-10T02:00:00Z': 'daily within 7d',
    '2024-01-10T01:00:00Z': 'oldest daily within 7d',
  })
})

test('hasTags() wants every tag of the list, and takes the empty tag for "without tags"', () => {
  assert.equal(hasTags({ tags: ['a', 'b'] }, ['a', 'b']), true)
  assert.equal(hasTags({ tags: ['a'] }, ['a', 'b']), false)
  assert.equal(hasTags({}, ['']), true)
  assert.equal(hasTags({ tags: ['a'] }, ['']), false)
  assert.equal(hasTags({}, ['a']), false)
})

test('applyPolicy() is a division into two, keeps what a weaker policy keeps, and is stable', () => {
  const times = fc
    .array(fc.integer({ min: 1_500_000_000, max: 1_600_000_000 }), { minLength: 1, maxLength: 60 })
    .map((seconds) => snapshotsAt(...seconds.map((second) => new Date(second * 1000).toISOString())))
  const count = fc.integer({ min: 0, max: 8 })
  fc.assert(
    fc.property(times, count, count, count, count, (snapshots, last, daily, weekly, monthly) => {
      const outcome = applyPolicy(snapshots, { last, daily, weekly, monthly }, now)
      assert.equal(outcome.keep.length + outcome.remove.length, snapshots.length)
      assert.ok(outcome.keep.length <= last + daily + weekly + monthly)
      assert.ok(outcome.keep.length >= Math.min(snapshots.length, last))
      const more = applyPolicy(snapshots, { last: last + 1, daily: -1, weekly, monthly }, now)
      const keptByMore = new Set(more.keep.map((snapshot) => snapshot.id))
      for (const { snapshot, matches } of outcome.reasons)
        assert.ok(keptByMore.has(snapshot.id) || matches.every((match) => match.startsWith('oldest')))
      assert.deepEqual(applyPolicy(snapshots.toReversed(), { last, daily, weekly, monthly }, now), outcome)
    }),
  )
})

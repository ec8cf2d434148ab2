import assert from 'node:assert/strict'
import test from 'node:test'
import { isFailure } from '../../base/failure.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { describePolicy, isEmptyPolicy, parseKeepCount, parseTagList } from './forget-policy.ts'
import { groupByHostAndPaths, parseGroupBy } from './group-snapshots.ts'
import { formatLongDuration, parseLongDuration } from './long-duration.ts'
import { planForget, planForgetNamed } from './plan-forget.ts'

const now = '2030-01-01T00:00:00Z'
let made = 0

function snapshot(fields: Partial<Snapshot>): Snapshot {
  made += 1
  return {
    id: made.toString(16).padStart(64, '0'),
    time: `2024-01-01T00:00:${String(made % 60).padStart(2, '0')}Z`,
    tree: 'f'.repeat(64),
    paths: ['/a'],
    ...fields,
  }
}

test('planForget() applies the policy to each group on its own', () => {
  const old = snapshot({ hostname: 'one', paths: ['/a', '/b'] })
  const kept = [snapshot({ hostname: 'one', paths: ['/b', '/a'] }), snapshot({ hostname: 'two', paths: ['/a', '/b'] })]
  const facts = { policy: { last: 1 }, now, removeAll: 'refuse' } as const
  const plan = planForget({ ...facts, snapshots: [old, ...kept], groupBy: groupByHostAndPaths })
  assert.deepEqual(plan.remove, [old.id])
  assert.deepEqual(
    plan.groups.map((group) => group.key),
    [
      { hostname: 'one', paths: ['/a', '/b'], tags: [] },
      { hostname: 'two', paths: ['/a', '/b'], tags: [] },
    ],
  )
  assert.deepEqual(
    planForget({ ...facts, snapshots: [old, ...kept], groupBy: parseGroupBy('') }).remove.toSorted(),
    [old.id, kept[0]!.id].toSorted(),
  )
})

test('planForget() refuses an empty policy, and one that leaves nothing of a group', () => {
  const facts = { snapshots: [snapshot({})], groupBy: groupByHostAndPaths, now } as const
  assert.throws(
    () => planForget({ ...facts, policy: {}, removeAll: 'refuse' }),
    (error) => isFailure(error, 'usage'),
  )
  assert.equal(planForget({ ...facts, policy: {}, removeAll: 'allow' }).remove.length, 1)
  assert.throws(
    () => planForget({ ...facts, policy: { tags: [['absent']] }, removeAll: 'allow' }),
    (error) => isFailure(error, 'refused'),
  )
})

test('planForgetNamed() removes exactly the named ones', () => {
  const named = [snapshot({}), snapshot({})]
  assert.deepEqual(planForgetNamed(named).remove, [named[0]!.id, named[1]!.id])
})

test('parseGroupBy() takes the singular and the plural, and refuses other words', () => {
  assert.deepEqual(parseGroupBy('host,path'), groupByHostAndPaths)
  assert.deepEqual(parseGroupBy('tags,hosts'), { host: true, paths: false, tags: true })
  assert.throws(
    () => parseGroupBy('host,user'),
    (error) => isFailure(error, 'usage'),
  )
})

test('parseLongDuration() reads what formatLongDuration() writes, and refuses the rest', () => {
  for (const text of ['1y5m7d2h', '3d', '', '2m2h']) assert.equal(formatLongDuration(parseLongDuration(text)), text)
  for (const text of ['5', 'd', '-5d', '1w', '1d 2h', '1.5d'])
    assert.throws(
      () => parseLongDuration(text),
      (error) => isFailure(error, 'usage'),
    )
})

test('parseKeepCount() reads whole numbers and "unlimited"', () => {
  assert.deepEqual(['0', '12', 'unlimited'].map(parseKeepCount), [0, 12, -1])
  for (const text of ['-1', '', '1.5', 'all'])
    assert.throws(
      () => parseKeepCount(text),
      (error) => isFailure(error, 'usage'),
    )
})

test("describePolicy() says the policy in restic's words", () => {
  assert.equal(isEmptyPolicy({ last: 0, tags: [], within: parseLongDuration('') }), true)
  assert.equal(
    describePolicy({
      last: -1,
      daily: 7,
      within: parseLongDuration('3d'),
      withinYearly: parseLongDuration('9y'),
      tags: [parseTagList('a, b'), ['c']],
    }),
    'keep all latest, 7 daily snapshots, yearly snapshots within 9y and all snapshots with tags [[a, b] [c]] and all snapshots within 3d of the newest',
  )
})

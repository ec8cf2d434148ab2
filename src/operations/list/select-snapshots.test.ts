import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../../base/failure.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { everySnapshot, findSnapshot, matchesFilter, parseTagList, selectSnapshots } from './select-snapshots.ts'

function snapshot(id: string, time: string, more: Partial<Snapshot> = {}): Snapshot {
  return { id: id.padEnd(64, '0'), time, tree: '0'.repeat(64), paths: ['/srv'], hostname: 'one', ...more }
}

const first = snapshot('aa11', '2026-01-01T00:00:00Z', { tags: ['x', 'y'] })
// Later than `second` by its moment, though not by its text.
const third = snapshot('ab22', '2026-01-02T00:00:00-05:00', { hostname: 'two', tags: ['x'] })
const second = snapshot('bb33', '2026-01-02T01:00:00Z', { paths: ['/srv', '/home'] })
const snapshots = [third, first, second]

test('findSnapshot() takes "latest" by the moment, among those that match', () => {
  assert.equal(findSnapshot(snapshots, 'latest').snapshot, third)
  assert.equal(findSnapshot(snapshots, 'latest', { ...everySnapshot, hosts: ['one'] }).snapshot, second)
  const { snapshot: found, subfolder } = findSnapshot(snapshots, 'latest:/a:b', {
    ...everySnapshot,
    tags: [['x', 'y']],
  })
  assert.deepEqual([found, subfolder], [first, '/a:b'])
})

test('findSnapshot() takes the beginning of an id that only one snapshot has', () => {
  assert.equal(findSnapshot(snapshots, 'AA').snapshot, first)
  assert.equal(findSnapshot(snapshots, second.id).subfolder, '/')
  assert.throws(
    () => findSnapshot(snapshots, 'a'),
    (error) => isFailure(error, 'snapshot_ambiguous'),
  )
  assert.throws(
    () => findSnapshot(snapshots, 'c'),
    (error) => isFailure(error, 'snapshot_missing'),
  )
  assert.throws(
    () => findSnapshot(snapshots, ''),
    (error) => isFailure(error, 'snapshot_missing'),
  )
  assert.throws(
    () => findSnapshot([], 'latest'),
    (error) => isFailure(error, 'snapshot_missing'),
  )
})

function matching(filter: Partial<typeof everySnapshot>): Snapshot[] {
  return selectSnapshots(snapshots, [], { ...everySnapshot, ...filter })
}

test('matchesFilter() asks for one host, one list of tags and all paths', () => {
  assert.deepEqual(matching({}), [first, second, third])
  assert.deepEqual(matching({ hosts: ['two', 'three'] }), [third])
  assert.deepEqual(matching({ tags: [['x']] }), [first, third])
  assert.deepEqual(matching({ tags: [['y', 'x'], ['z']] }), [first])
  assert.deepEqual(matching({ tags: [['']] }), [second])
  assert.deepEqual(matching({ paths: ['/home', '/srv'] }), [second])
  assert.equal(matchesFilter(first, { ...everySnapshot, paths: ['/home'] }), false)
})

test('selectSnapshots() takes each snapshot that is named once, from the oldest on', () => {
  assert.deepEqual(selectSnapshots(snapshots, ['ab', 'aa', 'ab22'], everySnapshot), [first, third])
  assert.deepEqual(selectSnapshots(snapshots, ['latest', 'aa'], { ...everySnapshot, hosts: ['one'] }), [first, second])
})

test('selectSnapshots() refuses a filter that nothing uses and a folder in a snapshot', () => {
  assert.throws(
    () => selectSnapshots(snapshots, ['aa'], { ...everySnapshot, hosts: ['one'] }),
    (error) => isFailure(error, 'usage'),
  )
  assert.throws(
    () => selectSnapshots(snapshots, ['aa:/x'], everySnapshot),
    (error) => isFailure(error, 'usage'),
  )
})

test('parseTagList() splits at commas and trims', () => {
  assert.deepEqual(parseTagList('a, b ,'), ['a', 'b', ''])
})

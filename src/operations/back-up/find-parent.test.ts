import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Snapshot } from '../../model/snapshot.ts'
import { findParent } from './find-parent.ts'

const before = new Date('2026-06-01T12:00:00Z')

function snapshot(id: string, changes: Partial<Snapshot> = {}): Snapshot {
  const time = '2026-05-01T00:00:00Z'
  return { id, time, tree: id, paths: ['/a'], hostname: 'host', ...changes }
}

function parentOf(snapshots: Snapshot[], paths = ['/a']): string | undefined {
  return findParent(snapshots, { hostname: 'host', paths, before })?.id
}

test('findParent() takes the latest snapshot of the host that has all of the paths', () => {
  const other = snapshot('other host', { hostname: 'b', time: '2026-05-09T00:00:00Z' })
  const nameless: Snapshot = { id: 'no host', time: '2026-05-09T00:00:00Z', tree: 'x', paths: ['/a'] }
  const older = snapshot('older', { time: '2026-04-01T00:00:00Z' })
  assert.equal(parentOf([snapshot('newer'), other, nameless, older]), 'newer')
  assert.equal(parentOf([snapshot('b', { paths: ['/b'] }), snapshot('both', { paths: ['/b', '/a'] })]), 'both')
  assert.equal(parentOf([snapshot('a')], ['/a', '/b']), undefined)
  assert.equal(parentOf([]), undefined)
})

test('findParent() compares moments, not their text, down to the nanosecond', () => {
  const east = snapshot('east', { time: '2026-05-01T02:00:00+03:00' })
  assert.equal(parentOf([snapshot('utc'), east]), 'utc')
  const a = snapshot('a', { time: '2026-05-01T00:00:00.000000002Z' })
  const b = snapshot('b', { time: '2026-05-01T00:00:00.000000001Z' })
  assert.equal(parentOf([a, b]), 'a')
  assert.equal(parentOf([b, a]), 'a')
})

test('findParent() takes no snapshot that is later than the new one, but one of the same moment', () => {
  assert.equal(parentOf([snapshot('later', { time: '2026-06-01T12:00:00.000000001Z' })]), undefined)
  assert.equal(parentOf([snapshot('now', { time: '2026-06-01T14:00:00+02:00' })]), 'now')
})

test('findParent() knows a path that is not UTF-8 from what JSON has left of it', () => {
  assert.equal(parentOf([snapshot('odd', { paths: ['/b\ufffd\ufffdc'] })], ['/b\udcff\udcfec']), 'odd')
})

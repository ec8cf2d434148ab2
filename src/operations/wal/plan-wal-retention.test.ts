import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parseWalName, segmentName } from '../../sources/postgresql/wal-name.ts'
import { sampleSegmentBytes, sampleSystem } from '../../../testing/wal-segment.ts'
import { planWalRetention, type SnapshotStart } from './plan-wal-retention.ts'
import { walObjectName } from './wal-object-name.ts'
import type { WalEntry } from './wal-store.ts'

const at = (segment: number): bigint => BigInt(segment) * BigInt(sampleSegmentBytes)

function entryOf(
  name: string,
  more: { generation?: number; partBytes?: number; systemIdentifier?: string } = {},
): WalEntry {
  const { generation = 1, systemIdentifier = sampleSystem, ...part } = more
  const file = { systemIdentifier, name, wal: parseWalName(name)!, ...part }
  return { ...file, objectName: walObjectName(file), size: 1, generation }
}
const segment = (timeline: number, number: number, more = {}): WalEntry =>
  entryOf(segmentName(timeline, number, sampleSegmentBytes), more)
const snapshot = (timeline: number, number: number, systemIdentifier = sampleSystem): SnapshotStart => ({
  systemIdentifier,
  timeline,
  startLsn: at(number) + 40n,
  segmentBytes: sampleSegmentBytes,
})
const names = (entries: readonly WalEntry[]): string[] => entries.map(({ objectName }) => objectName.split('/').at(-1)!)
const plain = { histories: new Map(), currentSystemIdentifier: sampleSystem }

test('planWalRetention() keeps from the oldest kept snapshot on, whatever the generation, and removes the oldest first', () => {
  const entries = [9, 5, 4, 3, 2].map((number) => segment(1, number, { generation: number < 5 ? 1 : 2 }))
  const plan = planWalRetention({ ...plain, entries, snapshots: [snapshot(1, 9), snapshot(1, 4)] })
  assert.deepEqual(
    names(plan.remove),
    [2, 3].map((number) => segmentName(1, number, sampleSegmentBytes)),
  )
  assert.equal(plan.keep.length, 3)
})

test('planWalRetention() keeps timelines that forked behind a snapshot, and drops what a newer one left behind', () => {
  const entries = [
    segment(1, 4),
    segment(1, 6),
    segment(1, 7),
    segment(2, 6),
    segment(2, 8),
    segment(3, 5),
    entryOf('00000002.history'),
  ]
  const histories = new Map([
    [
      sampleSystem,
      new Map([
        [2, [{ timeline: 1, end: at(6) + 900n }]],
        [3, [{ timeline: 1, end: at(5) }]],
      ]),
    ],
  ])
  const old = planWalRetention({ ...plain, histories, entries, snapshots: [snapshot(1, 4)] })
  assert.deepEqual(names(old.remove), [])
  // Timeline 3 forked before this snapshot: it can not be reached from it.
  const newer = planWalRetention({ ...plain, histories, entries, snapshots: [snapshot(1, 6)] })
  assert.deepEqual(names(newer.remove), [segmentName(1, 4, sampleSegmentBytes), segmentName(3, 5, sampleSegmentBytes)])
  const newest = planWalRetention({ ...plain, histories, entries, snapshots: [snapshot(2, 8)] })
  assert.deepEqual(names(newest.keep), [segmentName(2, 8, sampleSegmentBytes), '00000002.history'])
})

test('planWalRetention() removes beginnings that were outgrown, labels with their segment, and systems without a snapshot', () => {
  const name = segmentName(1, 5, sampleSegmentBytes)
  const entries = [
    entryOf(name, { partBytes: 100 }),
    entryOf(name, { partBytes: 200 }),
    entryOf(segmentName(1, 4, sampleSegmentBytes), { partBytes: 300 }),
    segment(1, 4),
    entryOf(`${segmentName(1, 3, sampleSegmentBytes)}.00000028.backup`),
    segment(1, 9, { systemIdentifier: '5' }),
  ]
  const plan = planWalRetention({ ...plain, entries, snapshots: [snapshot(1, 4)] })
  assert.deepEqual(names(plan.keep), [`${name}.part-000000C8`, segmentName(1, 4, sampleSegmentBytes)])
  const none = planWalRetention({ ...plain, entries, snapshots: [] })
  assert.ok(
    names(none.keep).includes(segmentName(1, 4, sampleSegmentBytes)),
    'the server’s own is kept before its first snapshot',
  )
  assert.deepEqual(names(planWalRetention({ ...plain, entries, snapshots: [], currentSystemIdentifier: '5' }).keep), [
    segmentName(1, 9, sampleSegmentBytes),
  ])
  const unknown = planWalRetention({ ...plain, entries, snapshots: [], currentSystemIdentifier: undefined })
  assert.equal(unknown.remove.length, 2, 'what is not known stays')
})

test('planWalRetention() never removes a segment that recovery from a kept snapshot would ask for', () => {
  const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 60 })
  const starts = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(numbers, starts, (stored, begun) => {
      const entries = stored.map((number) => segment(1, number))
      const { remove, keep } = planWalRetention({
        ...plain,
        entries,
        snapshots: begun.map((number) => snapshot(1, number)),
      })
      const oldest = Math.min(...begun)
      assert.deepEqual(new Set(names(remove)), new Set(names(entries.filter((_, index) => stored[index]! < oldest))))
      assert.equal(remove.length + keep.length, entries.length)
    }),
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import { testArchive } from '../../../testing/recovery-bench.ts'
import { sampleSegment, sampleSegmentBytes, sampleSystem } from '../../../testing/wal-segment.ts'
import { checkWal } from './check-wal.ts'
import type { WalArchive } from './wal-archive.ts'

const signal = neverStopped()
const at = (segment: number): bigint => BigInt(segment) * BigInt(sampleSegmentBytes)
const snapshotAt = (segment: number, timeline = 1) => ({
  systemIdentifier: sampleSystem,
  segmentBytes: sampleSegmentBytes,
  timeline,
  startLsn: at(segment) + 40n,
  walEndLsn: at(segment) + 400n,
})

async function store(archive: WalArchive, timeline: number, segments: readonly number[]): Promise<void> {
  for (const segment of segments) {
    await archive.put(sampleSegment({ timeline, segment, endUs: BigInt(segment) * 1_000_000n }), signal)
  }
}

async function storeHistory(archive: WalArchive, timeline: number, text: string): Promise<void> {
  const name = `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`
  await archive.put({ systemIdentifier: sampleSystem, name, content: Buffer.from(text), isPart: false }, signal)
}

test('checkWal() finds whole WAL whole, tells its window, and how far the server is ahead', async () => {
  using archive = testArchive()
  await store(archive, 1, [3, 4, 5, 6])
  await archive.put(sampleSegment({ segment: 7, endUs: 7_500_000n, partBytes: 5000 }), signal)
  const server = { timeline: 1, lsn: at(7) + 6000n }
  const [checked, ...others] = await checkWal({ archive, snapshots: [snapshotAt(4)], server }, signal)
  assert.deepEqual(others, [])
  assert.deepEqual(checked, {
    timeline: 1,
    from: at(4) + 40n,
    end: at(7) + 5000n,
    segments: 3,
    gaps: [],
    lastEndUs: 7_500_000n,
    behindBytes: 1000,
  })
})

test('checkWal() names each gap in segments and in time, and none that lies before the oldest kept snapshot', async () => {
  using archive = testArchive()
  await store(archive, 1, [1, 4, 5, 8, 9, 11])
  const [checked] = await checkWal({ archive, snapshots: [snapshotAt(8), snapshotAt(4)] }, signal)
  assert.deepEqual(
    checked!.gaps.map(({ firstName, lastName, segments, fromUs, toUs }) => [
      firstName,
      lastName,
      segments,
      fromUs,
      toUs,
    ]),
    [
      ['000000010000000000000006', '000000010000000000000007', 2, 5_000_000n, 8_000_000n],
      ['00000001000000000000000A', '00000001000000000000000A', 1, 9_000_000n, 11_000_000n],
    ],
  )
  assert.equal(checked!.segments, 5)
  // The beginning of a segment does not close its gap where later ones are stored.
  await archive.put(sampleSegment({ segment: 10, partBytes: 5000 }), signal)
  assert.equal((await checkWal({ archive, snapshots: [snapshotAt(4)] }, signal))[0]!.gaps.length, 2)
})

test('checkWal() takes what a snapshot holds itself for there', async () => {
  using archive = testArchive()
  await store(archive, 1, [4, 7, 8])
  const snapshot = { ...snapshotAt(5), walEndLsn: at(7) + 9n }
  assert.deepEqual((await checkWal({ archive, snapshots: [snapshotAt(4), snapshot] }, signal))[0]!.gaps, [])
  assert.equal((await checkWal({ archive, snapshots: [snapshotAt(4)] }, signal))[0]!.gaps.length, 1)
})

test('checkWal() follows a fork: the old timeline’s way and the new one’s are both checked', async () => {
  using archive = testArchive()
  await store(archive, 1, [4, 5, 6, 7])
  await storeHistory(archive, 2, `1\t0/${(at(6) + 100n).toString(16)}\tpromoted\n`)
  await store(archive, 2, [6, 8])
  const checked = await checkWal({ archive, snapshots: [snapshotAt(4)] }, signal)
  assert.deepEqual(
    checked.map(({ timeline, gaps, end }) => [timeline, gaps.map(({ firstName }) => firstName), end]),
    [
      [1, [], at(8)],
      [2, ['000000020000000000000007'], at(9)],
    ],
  )
  await store(archive, 3, [9])
  await assert.rejects(checkWal({ archive, snapshots: [snapshotAt(4)] }, signal), (error) =>
    isFailure(error, 'wal_gap'),
  )
})

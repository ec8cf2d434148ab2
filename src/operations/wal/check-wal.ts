import type { Lsn } from '../../sources/postgresql/lsn.ts'
import { segmentOf } from '../../sources/postgresql/wal-name.ts'
import type { WalArchive } from './wal-archive.ts'
import { knownTimelines, readWalCoverage, stretchesTo, walGaps, walReach, type WalGap } from './wal-coverage.ts'
import type { SnapshotStart } from './plan-wal-retention.ts'
import type { WalEntry } from './wal-store.ts'

export interface CheckWalRequest {
  readonly archive: WalArchive
  /** The physical snapshots that are kept, of one system. */
  readonly snapshots: readonly (SnapshotStart & { readonly walEndLsn: Lsn })[]
  /** Where the server is now, if it was asked. */
  readonly server?: { readonly timeline: number; readonly lsn: Lsn }
}

/** What lacks between two stored segments. */
export interface CheckedGap extends WalGap {
  /** The last end of a transaction that is stored before it, and the first behind it, microseconds since 1970. */
  readonly fromUs: bigint | undefined
  readonly toUs: bigint | undefined
}

/** The stored WAL on the way to one timeline, from the oldest kept snapshot that lies on it. */
export interface CheckedTimeline {
  readonly timeline: number
  readonly from: Lsn
  /** The first byte that is not stored behind the last one that is. */
  readonly end: Lsn
  readonly segments: number
  readonly gaps: readonly CheckedGap[]
  /** When the last stored transaction ended, microseconds since 1970. */
  readonly lastEndUs: bigint | undefined
  /** What the server has written since, bytes; undefined where that is not known, or is not its timeline. */
  readonly behindBytes: number | undefined
}

/**
 * Whether the stored WAL is whole, by timeline: from the oldest kept snapshot to now, in segments and in time. A
 * timeline on whose way no snapshot lies is left out: nothing can be recovered along it. Reads names, histories, and the
 * headers beside gaps; the content is what walFetch() and a restore test verify. Failure `wal_gap` where a history is missing.
 */
export async function checkWal(request: CheckWalRequest, signal: AbortSignal): Promise<readonly CheckedTimeline[]> {
  const { archive, snapshots, server } = request
  const [first] = snapshots
  if (first === undefined) return []
  const coverage = await readWalCoverage(archive, first, signal)
  const checked: CheckedTimeline[] = []
  for (const timeline of new Set([...knownTimelines(coverage), ...snapshots.map((snapshot) => snapshot.timeline)])) {
    const stretches = stretchesTo(coverage, timeline)
    const onWay = snapshots.filter((snapshot) =>
      stretches.some(
        ({ timeline: one, end }) => one === snapshot.timeline && (end === undefined || snapshot.startLsn < end),
      ),
    )
    const oldest = onWay.toSorted((a, b) => (a.startLsn < b.startLsn ? -1 : 1))[0]
    if (oldest === undefined) continue
    const { segmentBytes } = coverage
    const firstSegment = segmentOf(oldest.startLsn, segmentBytes)
    // What a snapshot holds itself lacks nowhere.
    const isAtHand = (segment: number): boolean =>
      onWay.some(
        ({ startLsn, walEndLsn }) =>
          segment >= segmentOf(startLsn, segmentBytes) && segment < segmentOf(walEndLsn, segmentBytes),
      )
    const gaps = walGaps(coverage, stretches, firstSegment, isAtHand)
    const last = gaps.at(-1)
    const reach = walReach(
      coverage,
      stretches,
      last === undefined ? firstSegment : segmentOf(last.end, segmentBytes),
      isAtHand,
    )
    const tail = [...reach.segments, ...(reach.part === undefined ? [] : [reach.part])]
    const before = gaps.reduce((sum, gap) => sum + gap.segments, 0)
    checked.push({
      timeline,
      from: oldest.startLsn,
      end: reach.end,
      segments: segmentOf(reach.end, segmentBytes) - firstSegment - before,
      gaps: await Promise.all(gaps.map((gap) => inTime(archive, gap, signal))),
      lastEndUs: await lastEndOf(archive, tail, signal),
      behindBytes: server?.timeline === timeline ? Math.max(0, Number(server.lsn - reach.end)) : undefined,
    })
  }
  return checked
}

async function inTime(archive: WalArchive, gap: WalGap, signal: AbortSignal): Promise<CheckedGap> {
  const factsOf = async (entry: WalEntry | undefined) =>
    entry === undefined ? undefined : (await archive.header(entry, signal)).facts
  const [before, behind] = await Promise.all([factsOf(gap.before), factsOf(gap.behind)])
  return { ...gap, fromUs: before?.lastEndUs, toUs: behind?.firstEndUs }
}

async function lastEndOf(
  archive: WalArchive,
  tail: readonly WalEntry[],
  signal: AbortSignal,
): Promise<bigint | undefined> {
  for (const entry of tail.toReversed()) {
    const lastEndUs = (await archive.header(entry, signal)).facts?.lastEndUs
    if (lastEndUs !== undefined) return lastEndUs
  }
  return undefined
}

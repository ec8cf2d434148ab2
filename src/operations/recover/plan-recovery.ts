import { Failure } from '../../base/failure.ts'
import { formatLsn, type Lsn } from '../../sources/postgresql/lsn.ts'
import type { TimelineStretch } from '../../sources/postgresql/timeline-history.ts'
import { segmentOf } from '../../sources/postgresql/wal-name.ts'
import type { WalArchive } from '../wal/wal-archive.ts'
import {
  knownTimelines,
  readWalCoverage,
  stretchesTo,
  walReach,
  type WalCoverage,
  type WalReach,
} from '../wal/wal-coverage.ts'
import type { WalEntry } from '../wal/wal-store.ts'
import { describeTarget, formatTimeUs, type RecoveryTarget } from './recovery-target.ts'
import { describeWindow, lastTimeOf } from './recovery-window.ts'
import { endOfStoredWal, findRestorePoint, scanStoredWal } from './wal-search.ts'

/** What is known of a physical snapshot that a recovery can begin with. */
export interface RecoverySnapshot {
  readonly id: string
  readonly systemIdentifier: string
  readonly timeline: number
  /** Where replay begins. */
  readonly startLsn: Lsn
  /** From here on it is consistent. */
  readonly endLsn: Lsn
  /** Its own WAL ends here. */
  readonly walEndLsn: Lsn
  /** Of the restore point at which its own WAL ends; undefined where it has none and ends where it is consistent. */
  readonly restorePoint?: string | undefined
  readonly segmentBytes: number
  /** When it was complete, by the server's clock as near as that is known. */
  readonly endedAt: Date
}

export interface RecoveryRequest {
  readonly archive: WalArchive
  readonly snapshots: readonly RecoverySnapshot[]
  readonly target: RecoveryTarget
  /** Where it forked, the newest one is followed by `latest`. */
  readonly timeline: 'latest' | number
}

/** All that is decided before anything is restored. */
export interface RecoveryPlan {
  readonly snapshot: RecoverySnapshot
  readonly target: RecoveryTarget
  readonly timeline: number
  /** The stored WAL that is replayed at most, in its order. */
  readonly entries: readonly WalEntry[]
  /** Settings of the server that make it stop there. */
  readonly settings: Readonly<Record<string, string>>
  /** Replay must have come so far; for a time it is not known before. */
  readonly expectedLsn: Lsn | undefined
}

/**
 * Picks the snapshot and proves that the stored WAL reaches the target. Failure `wal_gap` where it does not, with the
 * window that is possible; `snapshot_missing` where no snapshot is older than the target.
 */
export async function planRecovery(request: RecoveryRequest, signal: AbortSignal): Promise<RecoveryPlan> {
  const { archive, target } = request
  const newest = newestOf(eligible(request.snapshots, target))
  if (newest === undefined) throw noSnapshot(request)
  const coverage = await readWalCoverage(archive, newest, signal)
  const ofSystem = request.snapshots.filter(({ systemIdentifier }) => systemIdentifier === newest.systemIdentifier)
  const timeline = timelineOf(request, coverage, ofSystem)
  const stretches = stretchesTo(coverage, timeline)
  const onWay = ofSystem.filter((snapshot) => isOnWay(snapshot, stretches))
  const way: Way = { archive, coverage, stretches, timeline, snapshots: onWay }
  switch (target.kind) {
    case 'latest':
      return await planLatest(way, signal)
    case 'time':
      return await planTime(way, target, signal)
    case 'lsn':
      return await planLsn(way, target, signal)
    case 'name':
    case 'xid':
      return await planEvent(way, target, signal)
    default:
      return target satisfies never
  }
}

interface Way {
  readonly archive: WalArchive
  readonly coverage: WalCoverage
  readonly stretches: readonly TimelineStretch[]
  readonly timeline: number
  /** Those that lie on it. */
  readonly snapshots: readonly RecoverySnapshot[]
}

async function planLatest(way: Way, signal: AbortSignal): Promise<RecoveryPlan> {
  const target = { kind: 'latest' } as const
  const snapshot = requireSnapshot(way, way.snapshots, target)
  const { entries, reach } = reachOf(way, snapshot)
  const { lastRecord } = await endOfStoredWal(way.archive, entries, signal)
  if (reach.gap !== undefined) {
    throw await unreachable(
      way,
      snapshot,
      target,
      `"${reach.gap.firstName}" to "${reach.gap.lastName}" are missing`,
      signal,
    )
  }
  // Nothing was stored beyond the snapshot: its own WAL is the latest, up to the restore point that ends it.
  if (lastRecord === undefined || lastRecord.end <= snapshot.walEndLsn) {
    const { restorePoint, endLsn, walEndLsn } = snapshot
    const isNamed = restorePoint !== undefined
    return planOf(way, {
      snapshot,
      target,
      entries,
      settings: isNamed ? { recovery_target_name: restorePoint } : { recovery_target: 'immediate' },
      expectedLsn: isNamed ? walEndLsn : endLsn,
    })
  }
  // By its position, so that the server stops there and tells that it did, and does not end early unnoticed.
  const settings = { recovery_target_lsn: formatLsn(lastRecord.start) }
  return planOf(way, { snapshot, target, entries, settings, expectedLsn: lastRecord.end })
}

async function planTime(
  way: Way,
  target: RecoveryTarget & { kind: 'time' },
  signal: AbortSignal,
): Promise<RecoveryPlan> {
  const snapshot = requireSnapshot(way, eligible(way.snapshots, target), target)
  const { entries } = reachOf(way, snapshot)
  const { lastEndUs } = await endOfStoredWal(way.archive, entries, signal)
  // The server knows that it is there by the first transaction that ended later.
  if (lastEndUs === undefined || lastEndUs <= target.atUs) {
    throw await unreachable(way, snapshot, target, 'no later transaction is stored', signal)
  }
  return planOf(way, {
    snapshot,
    target,
    entries,
    settings: { recovery_target_time: formatTimeUs(target.atUs) },
    expectedLsn: undefined,
  })
}

async function planLsn(way: Way, target: RecoveryTarget & { kind: 'lsn' }, signal: AbortSignal): Promise<RecoveryPlan> {
  const snapshot = requireSnapshot(way, eligible(way.snapshots, target), target)
  const { entries } = reachOf(way, snapshot)
  const { lastRecord } = await endOfStoredWal(way.archive, entries, signal)
  if (lastRecord === undefined || lastRecord.start < target.lsn) {
    throw await unreachable(way, snapshot, target, 'the stored WAL ends before it', signal)
  }
  return planOf(way, {
    snapshot,
    target,
    entries,
    settings: { recovery_target_lsn: formatLsn(target.lsn) },
    expectedLsn: target.lsn,
  })
}

/** A target that must be found before it is known which snapshot lies before it. */
async function planEvent(
  way: Way,
  target: RecoveryTarget & { kind: 'name' | 'xid' },
  signal: AbortSignal,
): Promise<RecoveryPlan> {
  const oldest = way.snapshots.toSorted((a, b) => (a.endLsn < b.endLsn ? -1 : 1))[0]
  if (oldest === undefined) throw requireSnapshotFailure(target)
  // Also behind a gap: a later snapshot may begin there.
  const stretch = stretchesOfStored(way, oldest)
  let found: { readonly lsn: Lsn; readonly end: Lsn } | undefined
  for (const entries of stretch.toReversed()) {
    found =
      target.kind === 'name'
        ? await findRestorePoint(way.archive, entries, target.name, signal)
        : (
            await scanStoredWal(
              way.archive,
              entries,
              (event) => event.kind !== 'restore point' && event.xid === target.xid,
              signal,
            )
          ).events.at(-1)
    if (found !== undefined) break
  }
  if (found === undefined) throw await unreachable(way, oldest, target, 'it is not in the stored WAL', signal)
  const { lsn, end } = found
  const snapshot = requireSnapshot(
    way,
    way.snapshots.filter(({ endLsn }) => endLsn <= lsn),
    target,
  )
  const { entries, reach } = reachOf(way, snapshot)
  if (reach.end < end)
    throw await unreachable(way, snapshot, target, `it is at ${formatLsn(lsn)}, behind a gap`, signal)
  // By its position: a name may have been given twice, and the server would stop at the first.
  return planOf(way, { snapshot, target, entries, settings: { recovery_target_lsn: formatLsn(lsn) }, expectedLsn: end })
}

function planOf(way: Way, plan: Omit<RecoveryPlan, 'timeline'>): RecoveryPlan {
  const settings = { ...plan.settings, recovery_target_timeline: String(way.timeline), recovery_target_action: 'pause' }
  return { ...plan, settings, timeline: way.timeline }
}

function reachOf(
  way: Way,
  snapshot: RecoverySnapshot,
): { readonly entries: readonly WalEntry[]; readonly reach: WalReach } {
  const { segmentBytes } = way.coverage
  const first = segmentOf(snapshot.startLsn, segmentBytes)
  // The segment in which the snapshot's own WAL ends is there only up to that point.
  const end = segmentOf(snapshot.walEndLsn, segmentBytes)
  const reach = walReach(way.coverage, way.stretches, first, (segment) => segment >= first && segment < end)
  return { entries: [...reach.segments, ...(reach.part === undefined ? [] : [reach.part])], reach }
}

/** What is stored from a snapshot on, in runs without gaps. */
function stretchesOfStored(way: Way, from: RecoverySnapshot): WalEntry[][] {
  const { segmentBytes } = way.coverage
  const runs: WalEntry[][] = []
  let first = segmentOf(from.startLsn, segmentBytes)
  for (;;) {
    const reach = walReach(way.coverage, way.stretches, first)
    const run = [...reach.segments, ...(reach.part === undefined ? [] : [reach.part])]
    if (run.length > 0) runs.push(run)
    if (reach.gap === undefined) return runs
    first = segmentOf(reach.gap.end, segmentBytes)
  }
}

function eligible(snapshots: readonly RecoverySnapshot[], target: RecoveryTarget): RecoverySnapshot[] {
  return snapshots.filter(({ endedAt, endLsn }) => {
    if (target.kind === 'time') return BigInt(endedAt.getTime()) * 1000n <= target.atUs
    return target.kind !== 'lsn' || endLsn <= target.lsn
  })
}

function newestOf(snapshots: readonly RecoverySnapshot[]): RecoverySnapshot | undefined {
  return snapshots.toSorted((a, b) => b.endedAt.getTime() - a.endedAt.getTime() || (a.endLsn > b.endLsn ? -1 : 1))[0]
}

function timelineOf(request: RecoveryRequest, coverage: WalCoverage, snapshots: readonly RecoverySnapshot[]): number {
  if (request.timeline !== 'latest') return request.timeline
  return Math.max(...knownTimelines(coverage), ...snapshots.map(({ timeline }) => timeline))
}

function isOnWay(snapshot: RecoverySnapshot, stretches: readonly TimelineStretch[]): boolean {
  const stretch = stretches.find(({ timeline }) => timeline === snapshot.timeline)
  return stretch !== undefined && (stretch.end === undefined || snapshot.endLsn <= stretch.end)
}

function requireSnapshot(way: Way, snapshots: readonly RecoverySnapshot[], target: RecoveryTarget): RecoverySnapshot {
  const newest = newestOf(snapshots)
  if (newest !== undefined) return newest
  const oldest = way.snapshots.toSorted((a, b) => a.endedAt.getTime() - b.endedAt.getTime())[0]
  throw requireSnapshotFailure(target, oldest)
}

function requireSnapshotFailure(target: RecoveryTarget, oldest?: RecoverySnapshot): Failure {
  const found = oldest === undefined ? 'no snapshot lies on this timeline' : 'every snapshot is later'
  return new Failure('snapshot_missing', `Cannot recover to ${describeTarget(target)}: ${found}`, {
    facts: {
      hint:
        oldest === undefined
          ? 'Choose another --timeline'
          : `The oldest was complete at ${oldest.endedAt.toISOString()}, position ${formatLsn(oldest.endLsn)}`,
    },
  })
}

function noSnapshot({ snapshots, target }: RecoveryRequest): Failure {
  return requireSnapshotFailure(target, snapshots.toSorted((a, b) => a.endedAt.getTime() - b.endedAt.getTime())[0])
}

async function unreachable(
  way: Way,
  snapshot: RecoverySnapshot,
  target: RecoveryTarget,
  found: string,
  signal: AbortSignal,
): Promise<Failure> {
  const { entries, reach } = reachOf(way, snapshot)
  const { lastEndUs, lastRecord } = await endOfStoredWal(way.archive, entries, signal)
  const endLsn = lastRecord === undefined || lastRecord.end < snapshot.endLsn ? snapshot.endLsn : lastRecord.end
  const beginUs = BigInt(snapshot.endedAt.getTime()) * 1000n
  const window = { beginUs, beginLsn: snapshot.endLsn, lastEndUs, endLsn }
  const last = lastTimeOf(window)
  const gap =
    reach.gap === undefined ? '' : `; from "${reach.gap.firstName}" on ${reach.gap.segments} segments are missing`
  return new Failure('wal_gap', `Cannot recover to ${describeTarget(target)}: ${found}`, {
    facts: {
      hint: `Possible on timeline ${way.timeline} from this snapshot: ${describeWindow(window)}${gap}`,
      snapshot: snapshot.id,
      from: snapshot.endedAt.toISOString(),
      to: last === undefined ? undefined : formatTimeUs(last),
      endLsn: formatLsn(endLsn),
    },
  })
}

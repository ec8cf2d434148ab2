import { Failure } from '../../base/failure.ts'
import type { Lsn } from '../../sources/postgresql/lsn.ts'
import {
  parseTimelineHistory,
  timelineStretches,
  type TimelineParent,
  type TimelineStretch,
} from '../../sources/postgresql/timeline-history.ts'
import { segmentName, segmentNumber, segmentOf, segmentStart } from '../../sources/postgresql/wal-name.ts'
import type { WalArchive } from './wal-archive.ts'
import type { WalEntry } from './wal-store.ts'

/** What is stored of a system's WAL, by names and histories alone. */
export interface WalCoverage {
  readonly systemIdentifier: string
  readonly segmentBytes: number
  /** Whole segments by timeline and number. */
  readonly segments: ReadonlyMap<number, ReadonlyMap<number, WalEntry>>
  /** The longest beginning of a segment that is not whole, by timeline and number. */
  readonly parts: ReadonlyMap<number, ReadonlyMap<number, WalEntry>>
  /** The ancestors of each timeline whose history is stored; the first timeline has none. */
  readonly histories: ReadonlyMap<number, readonly TimelineParent[]>
}

/** Reads it. `segmentBytes` is the cluster's, which its snapshots know. */
export async function readWalCoverage(
  archive: WalArchive,
  system: { readonly systemIdentifier: string; readonly segmentBytes: number },
  signal: AbortSignal,
): Promise<WalCoverage> {
  const entries = await archive.list(`${system.systemIdentifier}/`, signal)
  const histories = new Map<number, readonly TimelineParent[]>()
  for (const entry of entries) {
    if (entry.wal.kind !== 'history') continue
    const file = await archive.get(entry, signal)
    if (file !== undefined) histories.set(entry.wal.timeline, parseTimelineHistory(file.content.toString('utf8')))
  }
  return walCoverage(system, entries, histories)
}

export function walCoverage(
  system: { readonly systemIdentifier: string; readonly segmentBytes: number },
  entries: readonly WalEntry[],
  histories: ReadonlyMap<number, readonly TimelineParent[]>,
): WalCoverage {
  const segments = new Map<number, Map<number, WalEntry>>()
  const parts = new Map<number, Map<number, WalEntry>>()
  for (const entry of entries) {
    if (entry.systemIdentifier !== system.systemIdentifier || entry.wal.kind !== 'segment') continue
    const number = segmentNumber(entry.wal, system.segmentBytes)
    const into = mapAt(entry.partBytes === undefined ? segments : parts, entry.wal.timeline)
    const before = into.get(number)
    if (before === undefined || (before.partBytes ?? 0) < (entry.partBytes ?? 0)) into.set(number, entry)
  }
  return { ...system, segments, parts, histories }
}

/** Every timeline that something is stored of, in their order. */
export function knownTimelines(coverage: WalCoverage): number[] {
  const all = [coverage.segments, coverage.parts, coverage.histories].flatMap((map) => [...map.keys()])
  return [...new Set(all)].toSorted((a, b) => a - b)
}

/** The way to a timeline. Failure `wal_gap` where its history is not stored: nobody knows where it forked. */
export function stretchesTo(coverage: WalCoverage, timeline: number): TimelineStretch[] {
  const parents = coverage.histories.get(timeline)
  if (parents !== undefined) return timelineStretches(timeline, parents)
  if (timeline === 1) return timelineStretches(1, [])
  throw new Failure(
    'wal_gap',
    `Cannot follow timeline ${timeline}: its history is not stored, so where it forked is not known`,
  )
}

/** The timeline in whose files a segment lies on this way. */
export function timelineOfSegment(
  stretches: readonly TimelineStretch[],
  segment: number,
  segmentBytes: number,
): number {
  return stretches.findLast(({ begin }) => segmentOf(begin, segmentBytes) <= segment)!.timeline
}

/** How far the stored WAL goes without a gap on a way, from a segment on. */
export interface WalReach {
  /** The whole segments, in their order; none where the first one is missing. */
  readonly segments: readonly WalEntry[]
  /** The beginning of the one behind them. */
  readonly part: WalEntry | undefined
  /** The first byte that is not there. */
  readonly end: Lsn
  /** Present where something later is stored on this way: what lacks. */
  readonly gap: WalGap | undefined
}

/** Missing segments in a row. */
export interface WalGap {
  readonly timeline: number
  readonly firstName: string
  readonly lastName: string
  readonly segments: number
  readonly begin: Lsn
  readonly end: Lsn
  /** What is stored right before and behind them. */
  readonly before: WalEntry | undefined
  readonly behind: WalEntry | undefined
}

/** `isAtHand` tells of segments that are there without being stored: those within a snapshot. */
export function walReach(
  coverage: WalCoverage,
  stretches: readonly TimelineStretch[],
  firstSegment: number,
  isAtHand: (segment: number) => boolean = () => false,
): WalReach {
  const gaps = walGaps(coverage, stretches, firstSegment, isAtHand)
  const { segmentBytes } = coverage
  const segments: WalEntry[] = []
  let next = firstSegment
  for (; ; next++) {
    const entry = storedOn(coverage.segments, stretches, next, segmentBytes)
    if (entry !== undefined) segments.push(entry)
    else if (!isAtHand(next)) break
  }
  const part = storedOn(coverage.parts, stretches, next, segmentBytes)
  return { segments, part, end: segmentStart(next, segmentBytes) + BigInt(part?.partBytes ?? 0), gap: gaps[0] }
}

/** Every run of segments that lack between the first one and the last that is stored on this way. */
export function walGaps(
  coverage: WalCoverage,
  stretches: readonly TimelineStretch[],
  firstSegment: number,
  isAtHand: (segment: number) => boolean = () => false,
): WalGap[] {
  const { segmentBytes } = coverage
  const stored = segmentsOnWay(coverage, stretches, firstSegment)
  const gaps: WalGap[] = []
  let next = firstSegment
  let before: WalEntry | undefined
  for (const { number, entry } of stored) {
    while (next < number && isAtHand(next)) next += 1
    let last = number - 1
    while (last >= next && isAtHand(last)) last -= 1
    if (last >= next) {
      const timeline = timelineOfSegment(stretches, next, segmentBytes)
      gaps.push({
        timeline,
        firstName: segmentName(timeline, next, segmentBytes),
        lastName: segmentName(timelineOfSegment(stretches, last, segmentBytes), last, segmentBytes),
        segments: last - next + 1,
        begin: segmentStart(next, segmentBytes),
        end: segmentStart(last + 1, segmentBytes),
        before,
        behind: entry,
      })
    }
    // The beginning of a segment closes no gap: behind it something lacks, unless it is the end.
    next = entry.partBytes === undefined ? number + 1 : number
    before = entry
  }
  return gaps
}

/** What is stored on a way from a segment on, whole or in part, in the order of the log. */
function segmentsOnWay(
  coverage: WalCoverage,
  stretches: readonly TimelineStretch[],
  firstSegment: number,
): { readonly number: number; readonly entry: WalEntry }[] {
  const { segmentBytes } = coverage
  const found = new Map<number, WalEntry>()
  for (const map of [coverage.parts, coverage.segments]) {
    for (const { timeline } of stretches) {
      for (const [number, entry] of map.get(timeline) ?? []) {
        const isOnWay = number >= firstSegment && timelineOfSegment(stretches, number, segmentBytes) === timeline
        if (isOnWay) found.set(number, entry) // A whole one takes the place of its beginning.
      }
    }
  }
  return [...found].map(([number, entry]) => ({ number, entry })).toSorted((a, b) => a.number - b.number)
}

function storedOn(
  map: WalCoverage['segments'],
  stretches: readonly TimelineStretch[],
  segment: number,
  segmentBytes: number,
): WalEntry | undefined {
  return map.get(timelineOfSegment(stretches, segment, segmentBytes))?.get(segment)
}

function mapAt(map: Map<number, Map<number, WalEntry>>, timeline: number): Map<number, WalEntry> {
  const inner = map.get(timeline) ?? new Map<number, WalEntry>()
  map.set(timeline, inner)
  return inner
}

import type { Lsn } from '../../sources/postgresql/lsn.ts'
import type { TimelineParent } from '../../sources/postgresql/timeline-history.ts'
import { segmentNumber, segmentOf } from '../../sources/postgresql/wal-name.ts'
import type { WalEntry } from './wal-store.ts'

/** A physical snapshot that is kept, of any generation. */
export interface SnapshotStart {
  readonly systemIdentifier: string
  readonly timeline: number
  /** Where its replay begins. */
  readonly startLsn: Lsn
  readonly segmentBytes: number
}

export interface WalRetentionFacts {
  /** Everything stored of the source, of all generations and systems. */
  readonly entries: readonly WalEntry[]
  /** By system and timeline. */
  readonly histories: ReadonlyMap<string, ReadonlyMap<number, readonly TimelineParent[]>>
  /** All snapshots that are kept, none left out: what none of them needs is removed. */
  readonly snapshots: readonly SnapshotStart[]
  /** The system of the server as it is now; its WAL is kept while it has no snapshot yet. Undefined: not known. */
  readonly currentSystemIdentifier: string | undefined
}

export interface WalRetentionPlan {
  /** In the order in which they are removed: the oldest first, so that what is left never has a gap. */
  readonly remove: readonly WalEntry[]
  readonly keep: readonly WalEntry[]
}

/**
 * Decides which stored WAL goes: all that no kept snapshot can be recovered with. A segment is needed by a snapshot
 * when it is of its timeline, or of one that forked from that after the snapshot's beginning, and not before the
 * snapshot's beginning. Which generation it lies in does not matter. What is not understood stays.
 */
export function planWalRetention(facts: WalRetentionFacts): WalRetentionPlan {
  const systems = new Map<string, SystemNeeds>()
  for (const { systemIdentifier } of facts.entries) {
    if (systems.has(systemIdentifier)) continue
    const snapshots = facts.snapshots.filter((snapshot) => snapshot.systemIdentifier === systemIdentifier)
    const histories = facts.histories.get(systemIdentifier) ?? new Map<number, readonly TimelineParent[]>()
    systems.set(systemIdentifier, { snapshots, histories, longest: longestForms(facts.entries, systemIdentifier) })
  }
  const isKept = (entry: WalEntry): boolean => {
    const needs = systems.get(entry.systemIdentifier)!
    if (needs.snapshots.length > 0) return isNeeded(entry, needs)
    const current = facts.currentSystemIdentifier
    return (current === undefined || current === entry.systemIdentifier) && !isOutgrown(entry, needs.longest)
  }
  const keep = facts.entries.filter(isKept)
  const kept = new Set(keep)
  return { keep, remove: facts.entries.filter((entry) => !kept.has(entry)).toSorted(byPlaceInLog) }
}

interface SystemNeeds {
  readonly snapshots: readonly SnapshotStart[]
  readonly histories: ReadonlyMap<number, readonly TimelineParent[]>
  /** The most that is stored of each segment, in bytes; Infinity for a whole one. */
  readonly longest: ReadonlyMap<string, number>
}

function isNeeded(entry: WalEntry, { snapshots, histories, longest }: SystemNeeds): boolean {
  const { wal } = entry
  if (wal.kind === 'history') return true // Some bytes, without which a timeline can not be followed.
  if (isOutgrown(entry, longest)) return false
  return snapshots.some((snapshot) => {
    const { timeline, startLsn, segmentBytes } = snapshot
    if (segmentNumber(wal, segmentBytes) < segmentOf(startLsn, segmentBytes)) return false
    if (wal.timeline === timeline) return true
    const parents = histories.get(wal.timeline)
    if (parents === undefined) return wal.timeline > timeline // Nobody knows where it forked.
    const parent = parents.find((one) => one.timeline === timeline)
    return parent !== undefined && parent.end >= startLsn
  })
}

/** Whether a longer form of the same segment's beginning is stored. */
function isOutgrown(entry: WalEntry, longest: ReadonlyMap<string, number>): boolean {
  return entry.partBytes !== undefined && longest.get(entry.name)! > entry.partBytes
}

function longestForms(entries: readonly WalEntry[], systemIdentifier: string): Map<string, number> {
  const longest = new Map<string, number>()
  for (const entry of entries) {
    if (entry.systemIdentifier !== systemIdentifier || entry.wal.kind !== 'segment') continue
    const bytes = entry.partBytes ?? Number.POSITIVE_INFINITY
    longest.set(entry.name, Math.max(bytes, longest.get(entry.name) ?? 0))
  }
  return longest
}

function byPlaceInLog(a: WalEntry, b: WalEntry): number {
  const [first, second] = [placeInLog(a), placeInLog(b)]
  return first < second ? -1 : first > second ? 1 : 0
}

/** Histories come last: they tell what the others are. */
function placeInLog({ wal, name, systemIdentifier }: WalEntry): string {
  return `${wal.kind === 'history' ? 1 : 0} ${systemIdentifier} ${name.slice(8, 24)} ${name}`
}

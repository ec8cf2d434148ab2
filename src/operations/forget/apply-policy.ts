import type { Snapshot } from '../../model/snapshot.ts'
import { formatTagList, type ForgetPolicy, type TagList } from './forget-policy.ts'
import { formatLongDuration, isZeroDuration, type LongDuration } from './long-duration.ts'
import { instantBefore, isoWeek, parseSnapshotTime, type SnapshotTime } from './snapshot-time.ts'

/** Why a snapshot stays, and what the counting rules had left after it. */
export interface KeepReason {
  readonly snapshot: Snapshot
  /** In restic's words: "daily snapshot", "oldest weekly snapshot", "has tags [a, b]" … */
  readonly matches: readonly string[]
  readonly counters: Readonly<Record<CountedKind, number>>
}

export interface PolicyOutcome {
  /** Newest first. */
  readonly keep: readonly Snapshot[]
  /** Newest first. */
  readonly remove: readonly Snapshot[]
  /** One for each snapshot of `keep`, in its order. */
  readonly reasons: readonly KeepReason[]
}

const countedKinds = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const
type CountedKind = (typeof countedKinds)[number]

/** What makes two snapshots fall into one bucket of a kind: those in one bucket have the same number. */
const buckets = {
  last: (_time, position) => position,
  hourly: (time) => time.year * 1_000_000 + time.month * 10_000 + time.day * 100 + time.hour,
  daily: (time) => time.year * 10_000 + time.month * 100 + time.day,
  weekly: (time) => isoWeek(time).year * 100 + isoWeek(time).week,
  monthly: (time) => time.year * 100 + time.month,
  yearly: (time) => time.year,
} as const satisfies Record<CountedKind, (time: SnapshotTime, position: number) => number>

interface DatedSnapshot {
  readonly snapshot: Snapshot
  readonly time: SnapshotTime
}

/**
 * Divides one group of snapshots into those that the policy keeps and those that it does not, with restic's results
 * and restic's reasons. Snapshots of the same moment count in the order of their ids. `now` (RFC 3339) matters only
 * in so far as a snapshot from the future is never "the latest" that durations are counted from.
 */
export function applyPolicy(snapshots: readonly Snapshot[], policy: ForgetPolicy, now: string): PolicyOutcome {
  const dated = sortNewestFirst(snapshots)
  const latest = latestTime(dated, parseSnapshotTime(now).instant)
  const counted = countedKinds.map((kind) => new CountedRule(kind, policy[kind] ?? 0))
  const spanned = spannedRules(policy, latest)
  const keep: Snapshot[] = []
  const remove: Snapshot[] = []
  const reasons: KeepReason[] = []
  for (const [position, { snapshot, time }] of dated.entries()) {
    const place = { time, position, isOldest: position === dated.length - 1 }
    const matches = [
      ...(policy.tags ?? []).filter((tags) => hasTags(snapshot, tags)).map((tags) => `has tags ${formatTagList(tags)}`),
      ...withinReason(policy.within, latest, time),
      ...counted.flatMap((rule) => rule.reason(place)),
      ...spanned.flatMap((rule) => rule.reason(place)),
    ]
    if (matches.length === 0) {
      remove.push(snapshot)
      continue
    }
    keep.push(snapshot)
    const counters = Object.fromEntries(counted.map((rule) => [rule.kind, rule.left])) as Record<CountedKind, number>
    reasons.push({ snapshot, matches, counters })
  }
  return { keep, remove, reasons }
}

/** Whether the snapshot has every tag of the list; a snapshot without tags has the empty tag. */
export function hasTags(snapshot: Pick<Snapshot, 'tags'>, tags: TagList): boolean {
  const own = snapshot.tags ?? []
  for (const tag of tags) {
    if (tag === '' && own.length === 0) return true
    if (!own.includes(tag)) return false
  }
  return true
}

interface Place {
  readonly time: SnapshotTime
  readonly position: number
  readonly isOldest: boolean
}

/** Sees the snapshots from the newest to the oldest, and picks the newest of each bucket. */
class Bucket {
  readonly kind: CountedKind
  #lastPicked: number | undefined

  constructor(kind: CountedKind) {
    this.kind = kind
  }

  /** The oldest of all is picked too, even when its bucket has one already: that keeps the history as long as it can be. */
  pick(place: Place): 'newest of its bucket' | 'oldest of all' | undefined {
    const value = buckets[this.kind](place.time, place.position)
    const isNew = value !== this.#lastPicked
    if (!isNew && !place.isOldest) return undefined
    this.#lastPicked = value
    return isNew ? 'newest of its bucket' : 'oldest of all'
  }
}

/** Keeps the newest snapshot of each of the last `left` buckets; -1 has no end. */
class CountedRule {
  readonly kind: CountedKind
  readonly #bucket: Bucket
  left: number

  constructor(kind: CountedKind, count: number) {
    this.kind = kind
    this.#bucket = new Bucket(kind)
    this.left = count
  }

  reason(place: Place): string[] {
    if (this.left === 0) return []
    const picked = this.#bucket.pick(place)
    if (picked === undefined) return []
    if (this.left > 0) this.left--
    return [picked === 'oldest of all' ? `oldest ${this.kind} snapshot` : `${this.kind} snapshot`]
  }
}

/** Keeps the newest snapshot of each bucket within a span before the latest. */
class SpannedRule {
  readonly #bucket: Bucket
  readonly #after: bigint
  readonly #span: string

  constructor(kind: CountedKind, after: bigint, span: string) {
    this.#bucket = new Bucket(kind)
    this.#after = after
    this.#span = span
  }

  reason(place: Place): string[] {
    if (place.time.instant <= this.#after) return []
    const picked = this.#bucket.pick(place)
    if (picked === undefined) return []
    return [`${picked === 'oldest of all' ? 'oldest ' : ''}${this.#bucket.kind} within ${this.#span}`]
  }
}

function spannedRules(policy: ForgetPolicy, latest: SnapshotTime): SpannedRule[] {
  const spans: readonly (readonly [CountedKind, LongDuration | undefined])[] = [
    ['hourly', policy.withinHourly],
    ['daily', policy.withinDaily],
    ['weekly', policy.withinWeekly],
    ['monthly', policy.withinMonthly],
    ['yearly', policy.withinYearly],
  ]
  return spans.flatMap(([kind, span]) =>
    span === undefined || isZeroDuration(span)
      ? []
      : [new SpannedRule(kind, instantBefore(latest, span), formatLongDuration(span))],
  )
}

function withinReason(within: LongDuration | undefined, latest: SnapshotTime, time: SnapshotTime): string[] {
  if (within === undefined || isZeroDuration(within)) return []
  return time.instant > instantBefore(latest, within) ? [`within ${formatLongDuration(within)}`] : []
}

function sortNewestFirst(snapshots: readonly Snapshot[]): DatedSnapshot[] {
  return snapshots
    .map((snapshot) => ({ snapshot, time: parseSnapshotTime(snapshot.time) }))
    .sort((a, b) =>
      a.time.instant !== b.time.instant
        ? a.time.instant > b.time.instant
          ? -1
          : 1
        : a.snapshot.id < b.snapshot.id
          ? -1
          : 1,
    )
}

/** The newest time that is not in the future; where all are, the year 1, as restic has it: then every span reaches all. */
function latestTime(dated: readonly DatedSnapshot[], now: bigint): SnapshotTime {
  const yearOne = '0001-01-01T00:00:00Z'
  return dated.find(({ time }) => time.instant < now)?.time ?? parseSnapshotTime(yearOne)
}

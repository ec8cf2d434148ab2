import type { LocationName } from './policy/policy.ts'

/**
 * How far the WAL of a source is stored at a location without a gap. It is a matter of now, not of record: it is replaced as
 * more is stored, and where it is lost the next piece begins it anew.
 */
export interface WalStand {
  readonly source: string
  readonly location: LocationName
  readonly systemIdentifier: string
  readonly timeline: number
  /** The first byte that is not stored (LSN). */
  readonly end: bigint
  /** What was written from here on is stored, up to `until`: a backup that ended within can be recovered up to `until`. */
  readonly since: Date
  readonly until: Date
  /**
   * Where something lacks before it: all that the server had written by then is in what was stored before. Absent where it is
   * whole since the first piece.
   */
  readonly gapFrom?: Date | undefined
  /**
   * Where the log stood at some times of the last days within the stretch, oldest first: they tell how much of it was written since
   * when. Absent where an older program wrote it.
   */
  readonly marks?: readonly WalMark[] | undefined
}

export interface WalMark {
  readonly at: Date
  readonly end: bigint
}

/** A mark is set so far behind the one before it. */
const markEveryMs = 2 * 3_600_000
/** Those of the last eight days: backups on which log is replayed are daily, where some failed still of this week. */
const marksMax = 96

/** WAL that has just been stored. */
export interface WalPiece {
  readonly systemIdentifier: string
  readonly timeline: number
  /** LSN of its first byte, and of the first one behind it. */
  readonly begin: bigint
  readonly end: bigint
  /** All that the server had written by then is in it, or before it. */
  readonly until: Date
}

/** The stand with one more piece. Where something lacks between the two, or the server is another one, it begins with the piece. */
export function extendWalStand(
  before: WalStand | undefined,
  { source, location }: Pick<WalStand, 'source' | 'location'>,
  piece: WalPiece,
): WalStand {
  const { systemIdentifier, timeline, begin, end, until } = piece
  const anew = { source, location, systemIdentifier, timeline, end, since: until, until, marks: [{ at: until, end }] }
  if (before === undefined) return anew
  const isNext = before.systemIdentifier === systemIdentifier && begin <= before.end
  if (!isNext) return { ...anew, gapFrom: before.until }
  const reached = { end: end > before.end ? end : before.end, at: until > before.until ? until : before.until }
  return {
    ...before,
    timeline: Math.max(before.timeline, timeline),
    end: reached.end,
    until: reached.at,
    marks: marksWith(before.marks ?? [], reached),
  }
}

function marksWith(marks: readonly WalMark[], reached: WalMark): readonly WalMark[] {
  const last = marks.at(-1)
  if (last !== undefined && reached.at.getTime() - last.at.getTime() < markEveryMs) return marks
  return [...marks, reached].slice(-marksMax)
}

/**
 * About how many bytes of log were written between a time and where the stand is: what a recovery replays on a backup of that time.
 * Before the first mark it goes on at the mean pace behind it. Undefined where there are not two marks to tell a pace from.
 */
export function logBytesSince({ marks = [], end, until }: WalStand, from: Date): number | undefined {
  if (from >= until) return 0
  const known = [...marks, { at: until, end }]
  const [first, second] = known
  if (first === undefined || second === undefined || second.at <= first.at) return undefined
  const behind = known.findIndex(({ at }) => at > from)
  const [low, high] = behind <= 0 ? [first, known.at(-1)!] : [known[behind - 1]!, known[behind]!]
  const pace = Number(high.end - low.end) / (high.at.getTime() - low.at.getTime())
  return Number(end - low.end) - pace * (from.getTime() - low.at.getTime())
}

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
}

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
  const anew = { source, location, systemIdentifier, timeline, end, since: until, until }
  if (before === undefined) return anew
  const isNext = before.systemIdentifier === systemIdentifier && begin <= before.end
  if (!isNext) return { ...anew, gapFrom: before.until }
  return {
    ...before,
    timeline: Math.max(before.timeline, timeline),
    end: end > before.end ? end : before.end,
    until: until > before.until ? until : before.until,
  }
}

import { Failure } from '../../base/failure.ts'
import { parseLsn, type Lsn } from './lsn.ts'

/** A timeline that another one was forked from. */
export interface TimelineParent {
  readonly timeline: number
  /** Where it was left: from here on the next one counts. */
  readonly end: Lsn
}

/** A timeline in the line of descent of the one that is wanted. */
export interface TimelineStretch {
  readonly timeline: number
  readonly begin: Lsn
  /** Undefined for the last one. */
  readonly end: Lsn | undefined
}

/** The ancestors that a history file names, oldest first. Failure `repository_damaged` where it is no history. */
export function parseTimelineHistory(text: string): TimelineParent[] {
  const parents: TimelineParent[] = []
  for (const line of text.split('\n')) {
    if (/^\s*(#|$)/.test(line)) continue
    const found = /^\s*(\d{1,10})\s+([0-9A-Fa-f]+\/[0-9A-Fa-f]+)/.exec(line)
    const parent = found === null ? undefined : { timeline: Number(found[1]), end: parseLsn(found[2]!) }
    const last = parents.at(-1)
    if (parent === undefined || (last !== undefined && (parent.timeline <= last.timeline || parent.end < last.end))) {
      throw new Failure('repository_damaged', `Cannot read a timeline history: found the line ${JSON.stringify(line)}`)
    }
    parents.push(parent)
  }
  return parents
}

/** The way that leads to a timeline, oldest first, itself at the end. */
export function timelineStretches(timeline: number, parents: readonly TimelineParent[]): TimelineStretch[] {
  const ends = [...parents.map((parent) => ({ ...parent })), { timeline, end: undefined }]
  return ends.map((one, index) => ({ timeline: one.timeline, begin: ends[index - 1]?.end ?? 0n, end: one.end }))
}

import type { Lsn } from './lsn.ts'

/** A file of the write-ahead log by its name, as PostgreSQL hands it to archive_command and asks for it again. */
export type WalName =
  /** "000000010000001600000002" */
  | { readonly kind: 'segment'; readonly timeline: number; readonly log: number; readonly part: number }
  /** "000000010000001600000002.partial": the last one of a timeline that was left by a promotion */
  | { readonly kind: 'partial'; readonly timeline: number; readonly log: number; readonly part: number }
  /** "000000010000001600000002.00000028.backup": the label of a base backup that began there */
  | {
      readonly kind: 'label'
      readonly timeline: number
      readonly log: number
      readonly part: number
      readonly offset: number
    }
  /** "00000002.history" */
  | { readonly kind: 'history'; readonly timeline: number }

const hex8 = '([0-9A-F]{8})'
const segmentPattern = new RegExp(`^${hex8}${hex8}${hex8}(?:(\\.partial)|\\.${hex8}\\.backup)?$`)
const historyPattern = new RegExp(`^${hex8}\\.history$`)

/** What a name means; undefined where it is none of the write-ahead log. */
export function parseWalName(name: string): WalName | undefined {
  const history = historyPattern.exec(name)
  if (history !== null) return { kind: 'history', timeline: number(history[1]!) }
  const found = segmentPattern.exec(name)
  if (found === null) return undefined
  const place = { timeline: number(found[1]!), log: number(found[2]!), part: number(found[3]!) }
  if (found[4] !== undefined) return { kind: 'partial', ...place }
  if (found[5] !== undefined) return { kind: 'label', ...place, offset: number(found[5]) }
  return { kind: 'segment', ...place }
}

/** "0000000A" */
export function hexOfTimeline(timeline: number): string {
  return timeline.toString(16).toUpperCase().padStart(8, '0')
}

export function historyName(timeline: number): string {
  return `${hexOfTimeline(timeline)}.history`
}

/** Number of a segment in its timeline's count from the beginning of the log: the same for all timelines. */
export function segmentNumber(name: { readonly log: number; readonly part: number }, segmentBytes: number): number {
  return name.log * segmentsPerLog(segmentBytes) + name.part
}

export function segmentName(timeline: number, segment: number, segmentBytes: number): string {
  const perLog = segmentsPerLog(segmentBytes)
  return hexOfTimeline(timeline) + hexOfTimeline(Math.floor(segment / perLog)) + hexOfTimeline(segment % perLog)
}

/** The segment that holds this position. */
export function segmentOf(lsn: Lsn, segmentBytes: number): number {
  return Number(lsn / BigInt(segmentBytes))
}

export function segmentStart(segment: number, segmentBytes: number): Lsn {
  return BigInt(segment) * BigInt(segmentBytes)
}

/** Segment sizes that PostgreSQL allows: powers of two from 1 MiB to 1 GiB. */
export function isSegmentBytes(bytes: number): boolean {
  return Number.isInteger(bytes) && bytes >= 2 ** 20 && bytes <= 2 ** 30 && Number.isInteger(Math.log2(bytes))
}

function segmentsPerLog(segmentBytes: number): number {
  return 2 ** 32 / segmentBytes
}

function number(hex: string): number {
  return Number.parseInt(hex, 16)
}

import { formatLsn, type Lsn } from '../../sources/postgresql/lsn.ts'
import { formatTimeUs } from './recovery-target.ts'

/** From where to where a snapshot and the log behind it lead. */
export interface RecoveryWindow {
  /** When the snapshot was complete, microseconds since 1970, and its position then. */
  readonly beginUs: bigint
  readonly beginLsn: Lsn
  /** When the last transaction ended that is stored; undefined where none is. It may lie in the snapshot. */
  readonly lastEndUs: bigint | undefined
  readonly endLsn: Lsn
}

/** The last time that can be recovered to; undefined where no transaction ended behind the snapshot. */
export function lastTimeOf({ beginUs, lastEndUs }: RecoveryWindow): bigint | undefined {
  return lastEndUs !== undefined && lastEndUs > beginUs ? lastEndUs : undefined
}

/** For messages. */
export function describeWindow(window: RecoveryWindow): string {
  const last = lastTimeOf(window)
  const begin = `from ${formatTimeUs(window.beginUs)}, position ${formatLsn(window.beginLsn)}`
  return last === undefined
    ? `${begin} to position ${formatLsn(window.endLsn)}; no transaction ended since, so that "latest" is all that is later`
    : `${begin} to ${formatTimeUs(last)}, position ${formatLsn(window.endLsn)}`
}

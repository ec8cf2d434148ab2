import type { ByteName } from '../../base/byte-name.ts'
import type { Clock } from '../../base/clock.ts'
import type { FailureCode } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import type { Repository } from '../../repository/repository.ts'
import type { ProgressSink } from '../progress.ts'
import type { RestoreSelection } from './restore-filter.ts'

/** What to do with a file that is there already. */
export const overwriteRules = ['always', 'if-changed', 'if-newer', 'never'] as const
/**
 * `always` compares the content with the snapshot's and writes what differs; `if-changed` takes a file of the same
 * size and mtime to be right; `if-newer` writes only over files that are older; `never` leaves every file alone.
 */
export type OverwriteRule = (typeof overwriteRules)[number]

export interface RestoreRequest {
  /** Its index is loaded; the caller holds a shared lock. */
  readonly repository: Repository
  /** The tree to restore from: a snapshot's. */
  readonly tree: Id
  /** A directory in the tree whose content goes into the target, or an entry that does; all of the tree where it is not given. */
  readonly subpath?: ByteName
  readonly target: ByteName
  /** Restores only some of it; everything where it is not given. */
  readonly selection?: RestoreSelection
  readonly overwrite: OverwriteRule
  /** Blocks of zeros are left out of new files, so that they take no room. */
  readonly sparse: boolean
  /** Tells what would be done and writes nothing. */
  readonly dryRun: boolean
  /** Reads everything back at the end and compares it with the snapshot. */
  readonly verify: boolean
  /** What the whole will be, where the caller knows, for the estimate. */
  readonly totals?: { readonly files?: number; readonly bytes?: number }
  readonly workers?: number
}

export interface RestoreContext {
  readonly clock: Clock
  readonly progress: ProgressSink
}

/** Something that is not in the target as the snapshot has it. */
export interface RestoreProblem {
  /** In the snapshot. */
  readonly path: ByteName
  readonly code: FailureCode
  readonly detail: string
}

export interface RestoreReport {
  /** Entries of the snapshot that are in the target now, or would be. */
  readonly files: number
  readonly directories: number
  /** Symlinks, fifos, devices. */
  readonly others: number
  readonly hardLinks: number
  /** Files that were right already, or were left alone by the rule of overwriting. */
  readonly filesSkipped: number
  readonly bytesSkipped: number
  /** Bytes of all restored files, and those that were written. */
  readonly bytes: number
  readonly bytesWritten: number
  /** Files read back and compared; undefined where that was not asked for. */
  readonly filesVerified: number | undefined
  readonly problems: readonly RestoreProblem[]
}

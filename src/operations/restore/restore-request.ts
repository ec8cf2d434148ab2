import type { ByteName } from '../../base/byte-name.ts'
import type { Clock } from '../../base/clock.ts'
import type { FailureCode } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import type { EarlyThreads } from '../../kernels/early-threads.ts'
import type { Repository } from '../../repository/repository.ts'
import type { ProgressSink } from '../progress.ts'
import type { OverwriteRule } from './overwrite-rule.ts'
import type { RestoreSelection } from './restore-filter.ts'

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
  /** Reads all files back at the end and compares their content with the snapshot; not those that a rule left alone. */
  readonly verify: boolean
  /**
   * SHA-256 of whole files by their paths below the target, where the caller knows some from elsewhere: these files are
   * compared with it and not with the snapshot. One that the snapshot has not is a problem, whatever lies in the target:
   * without a digest too. Asked for when all is restored, before files are read back. Of each blob the seal alone is
   * verified before it is written then; a file that is not found right afterwards is written once more, each blob by its SHA-256.
   */
  readonly digests?: () => Promise<ReadonlyMap<ByteName, string | undefined>>
  /** What the whole will be, where the caller knows, for the estimate. */
  readonly totals?: { readonly files?: number; readonly bytes?: number }
  readonly workers?: number
}

export interface RestoreContext {
  readonly clock: Clock
  readonly progress: ProgressSink
  /** Threads that were started before; whoever started them ends those that were not needed. */
  readonly early?: EarlyThreads
}

/** Something that is not in the target as the snapshot has it. */
export interface RestoreProblem {
  /** In the snapshot. */
  readonly path: ByteName
  readonly code: FailureCode
  readonly detail: string
}

export interface RestoreReport {
  /** Files of the snapshot that are in the target now, or would be. Those that are not whole there are problems. */
  readonly files: number
  readonly directories: number
  /** Symlinks, fifos, devices. */
  readonly others: number
  /** Further names of files, which `files` does not count. */
  readonly hardLinks: number
  /** Of the files, those that were right already, or were left alone by the rule of overwriting. */
  readonly filesSkipped: number
  /** Bytes of all these files, and of those that were skipped. */
  readonly bytes: number
  readonly bytesSkipped: number
  /** Bytes of content that were written. */
  readonly bytesWritten: number
  /** Files read back and found equal to the snapshot; undefined where that was not asked for. */
  readonly filesVerified: number | undefined
  /** The part of the time in which files were read back, ms. */
  readonly verifyMs: number
  readonly problems: readonly RestoreProblem[]
}

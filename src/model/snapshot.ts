import type { ByteName } from '../base/byte-name.ts'
import type { Id } from './id.ts'

/** What a backup run counted; restic's field of the same name, since restic 0.17. */
export interface SnapshotSummary {
  readonly backup_start: string
  readonly backup_end: string
  readonly files_new: number
  readonly files_changed: number
  readonly files_unmodified: number
  readonly dirs_new: number
  readonly dirs_changed: number
  readonly dirs_unmodified: number
  readonly data_blobs: number
  readonly tree_blobs: number
  readonly data_added: number
  readonly data_added_packed: number
  readonly total_files_processed: number
  readonly total_bytes_processed: number
}

/** One snapshot object (restic doc/design.rst, "Snapshots"), without its id, which is the name of the object. */
export interface SnapshotData {
  /** RFC 3339 with up to nine decimals. */
  readonly time: string
  readonly parent?: Id
  readonly tree: Id
  readonly paths: readonly ByteName[]
  readonly hostname?: string
  readonly username?: string
  readonly uid?: number
  readonly gid?: number
  readonly excludes?: readonly string[]
  readonly tags?: readonly string[]
  readonly original?: Id
  readonly program_version?: string
  readonly summary?: SnapshotSummary
}

/** A snapshot with the name it is stored under. */
export interface Snapshot extends SnapshotData {
  readonly id: Id
}

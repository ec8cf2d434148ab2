import type { ByteName } from '../../base/byte-name.ts'
import { formatGoTime } from '../../model/go-time.ts'
import type { Id } from '../../model/id.ts'
import type { Snapshot, SnapshotData, SnapshotSummary } from '../../model/snapshot.ts'
import type { BackupCounts } from './backup-counts.ts'
import type { BackupContext, BackupRequest } from './backup-request.ts'

/** The summary of what was counted. */
export function summaryOf(
  counts: BackupCounts,
  facts: { readonly bytesPacked: number; readonly begin: Date; readonly end: Date },
): SnapshotSummary {
  const { bytesPacked, begin, end } = facts
  const files = counts.filesNew + counts.filesChanged + counts.filesUnmodified
  return {
    backup_start: goTime(begin),
    backup_end: goTime(end),
    files_new: counts.filesNew,
    files_changed: counts.filesChanged,
    files_unmodified: counts.filesUnmodified,
    dirs_new: counts.dirsNew,
    dirs_changed: counts.dirsChanged,
    dirs_unmodified: counts.dirsUnmodified,
    data_blobs: counts.dataBlobs,
    tree_blobs: counts.treeBlobs,
    data_added: counts.dataAdded + counts.treesAdded,
    data_added_packed: bytesPacked === 0 ? counts.dataAddedPacked : bytesPacked,
    total_files_processed: files,
    total_bytes_processed: counts.bytes,
  }
}

/** The snapshot that a backup ends with. */
export function snapshotOf(
  request: Pick<BackupRequest, 'hostname' | 'username' | 'userId' | 'groupId' | 'tags' | 'excludePatterns'>,
  context: Pick<BackupContext, 'programVersion'>,
  facts: {
    readonly time: Date
    readonly paths: readonly ByteName[]
    readonly parent: Snapshot | undefined
    readonly tree: Id
    readonly summary: SnapshotSummary
    /** Gaps that make the backup less than it should be. */
    readonly holes: number
  },
): SnapshotData {
  const { hostname, username, userId, groupId, excludePatterns } = request
  const tags = typeof request.tags === 'function' ? request.tags(facts.holes) : request.tags
  return {
    time: goTime(facts.time),
    ...(facts.parent !== undefined && { parent: facts.parent.id }),
    tree: facts.tree,
    paths: facts.paths,
    hostname,
    ...(username !== undefined && { username }),
    ...(userId !== undefined && { uid: userId }),
    ...(groupId !== undefined && { gid: groupId }),
    ...(excludePatterns !== undefined && excludePatterns.length > 0 && { excludes: excludePatterns }),
    ...(tags !== undefined && tags.length > 0 && { tags }),
    program_version: context.programVersion,
    summary: facts.summary,
  }
}

function goTime(time: Date): string {
  const milliseconds = time.getTime()
  const seconds = Math.floor(milliseconds / 1000)
  return formatGoTime(seconds, (milliseconds - seconds * 1000) * 1_000_000)
}

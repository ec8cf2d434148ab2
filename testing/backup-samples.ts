import type { Backup, BackupCopy } from '../src/model/backup.ts'
import { tagsOf } from '../src/model/backup-tags.ts'
import { formatGoDate } from '../src/model/go-time.ts'
import type { RunBeginning } from '../src/model/run.ts'
import type { Snapshot } from '../src/model/snapshot.ts'

/** An id made of a number, for tests. */
export function sampleId(number: number): string {
  return number.toString(16).padStart(64, '0')
}

/** A complete backup of the source "documents", in production, with what is given in place of what is usual. */
export function sampleBackup(changes: Partial<Backup> = {}): Backup {
  const takenAt = changes.takenAt ?? new Date('2026-03-01T02:00:00Z')
  return {
    id: sampleId(1),
    environment: 'production',
    source: 'documents',
    sourceKind: 'files',
    kind: 'full',
    generation: 1,
    policyDigest: '0123456789abcdef',
    run: 'run-0000000000000001',
    takenAt,
    endedAt: new Date(takenAt.getTime() + 60_000),
    tree: sampleId(0xabc),
    files: 10,
    bytes: 123_456,
    bytesAdded: 1234,
    gaps: 0,
    ...changes,
  }
}

export function sampleCopy(changes: Partial<BackupCopy> = {}): BackupCopy {
  return { backup: sampleId(1), location: 'primary', storedAt: new Date('2026-03-01T02:01:00Z'), ...changes }
}

export function sampleRun(changes: Partial<RunBeginning> = {}): RunBeginning {
  return {
    id: 'run-0000000000000001',
    procedure: 'backup',
    trigger: 'schedule',
    source: 'documents',
    dueAt: new Date('2026-03-01T02:00:00Z'),
    startedAt: new Date('2026-03-01T02:00:01Z'),
    process: { host: 'host-1', processId: 4711, birth: 'boot/99' },
    ...changes,
  }
}

/** The snapshot that a backup is stored as. */
export function snapshotOf(backup: Backup, tags: readonly string[] = tagsOf(backup)): Snapshot {
  const counts = { files_new: 0, files_changed: 0, files_unmodified: 0, dirs_new: 0, dirs_changed: 0, tree_blobs: 0 }
  return {
    id: backup.id,
    time: formatGoDate(backup.takenAt),
    tree: backup.tree,
    paths: ['/srv'],
    tags,
    summary: {
      ...counts,
      dirs_unmodified: 0,
      data_blobs: 0,
      backup_start: formatGoDate(backup.takenAt),
      backup_end: formatGoDate(backup.endedAt),
      data_added: 0,
      data_added_packed: backup.bytesAdded,
      total_files_processed: backup.files,
      total_bytes_processed: backup.bytes,
    },
  }
}

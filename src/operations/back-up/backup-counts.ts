import type { FilesCount, Stored } from './backup-job.ts'
import { nothingCounted } from './count-file.ts'

/** What a run has counted so far. */
export interface BackupCounts extends FilesCount, Stored {
  dirsNew: number
  dirsChanged: number
  dirsUnmodified: number
}

export function nothingBackedUp(): BackupCounts {
  return {
    ...nothingCounted(),
    dirsNew: 0,
    dirsChanged: 0,
    dirsUnmodified: 0,
    dataBlobs: 0,
    treeBlobs: 0,
    dataAdded: 0,
    treesAdded: 0,
    dataAddedPacked: 0,
  }
}

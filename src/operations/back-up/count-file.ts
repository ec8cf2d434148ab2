import type { FilesCount, PendingFile } from './backup-job.ts'

/** Counts a file that was read, by how its node compares with the one of the parent snapshot. */
export function countFile(
  count: Omit<FilesCount, 'bytes'>,
  file: Pick<PendingFile, 'isKnown' | 'same'>,
  node: string,
): void {
  if (!file.isKnown) count.filesNew++
  else if (node === file.same) count.filesUnmodified++
  else count.filesChanged++
}

export function nothingCounted(): FilesCount {
  return { filesNew: 0, filesChanged: 0, filesUnmodified: 0, bytes: 0 }
}

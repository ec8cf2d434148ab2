import type { Statistics } from './count-statistics.ts'

/** Ratios that follow from the counts; each is 0 where it has no meaning. */
export interface CompressionFigures {
  /** Size before compression by size after it, of the blobs that are compressed. */
  readonly ratio: number
  /** Percent of all bytes that are compressed. */
  readonly progress: number
  /** Percent of the bytes that compression saves. */
  readonly saving: number
}

export function compressionFigures(statistics: Statistics): CompressionFigures {
  const { totalSize, uncompressedSize, compressedFrom, compressedTo } = statistics
  if (uncompressedSize === 0) return { ratio: 0, progress: 0, saving: 0 }
  return {
    ratio: compressedTo === 0 ? 0 : compressedFrom / compressedTo,
    progress: (compressedFrom / uncompressedSize) * 100,
    saving: (1 - totalSize / uncompressedSize) * 100,
  }
}

/** The one line of `restic stats --json`. */
export function statisticsJson(statistics: Statistics): string {
  const { ratio, progress, saving } = compressionFigures(statistics)
  return JSON.stringify({
    total_size: statistics.totalSize,
    total_uncompressed_size: orAbsent(statistics.uncompressedSize),
    compression_ratio: orAbsent(ratio),
    compression_progress: orAbsent(progress),
    compression_space_saving: orAbsent(saving),
    total_file_count: orAbsent(statistics.fileCount),
    total_blob_count: orAbsent(statistics.blobCount),
    snapshots_count: statistics.snapshots,
  })
}

/** restic leaves out members of 0. */
function orAbsent(value: number): number | undefined {
  return value === 0 ? undefined : value
}

/** How much unused data may stay because repacking it would cost more than it frees. */
export type UnusedLimit =
  | 'unlimited'
  /** Of everything that is left afterwards; 0 to less than 100. */
  | { readonly percent: number }
  | { readonly bytes: number }

/** restic's options of `prune`. */
export interface PruneOptions {
  readonly unusedLimit: UnusedLimit
  /** Stop choosing packs for repacking when they have this many bytes together. */
  readonly repackBytesMax: number
  /** Repack packs smaller than this, bytes; undefined stands for restic's own rule (see targetPackBytes). */
  readonly smallPackBytes: number | undefined
  /** Whether to leave packs of file content alone, however little of them is used. */
  readonly dataPacks: 'repack' | 'keep'
  /** Whether to compress file content that lies uncompressed in a repository of format 2; trees always are. */
  readonly uncompressedData: 'keep' | 'compress'
}

export const pruneDefaults: PruneOptions = {
  unusedLimit: { percent: 5 },
  repackBytesMax: Number.POSITIVE_INFINITY,
  smallPackBytes: undefined,
  dataPacks: 'repack',
  uncompressedData: 'keep',
}

/** The unused bytes that may stay beside `usedBytes`. */
export function unusedBytesMax(limit: UnusedLimit, usedBytes: number): number {
  if (limit === 'unlimited') return Number.POSITIVE_INFINITY
  if ('bytes' in limit) return limit.bytes
  return Math.floor((limit.percent / (100 - limit.percent)) * usedBytes)
}

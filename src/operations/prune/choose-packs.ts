import type { RepositoryVersion } from '../../repository/config.ts'
import type { PackUsage, Usage } from './pack-usage.ts'
import { unusedBytesMax, type PruneOptions } from './prune-options.ts'

/** What becomes of each pack that the index names. */
export interface PackChoice {
  /** These stay as they are. */
  readonly keep: readonly PackUsage[]
  /** Their used blobs go into new packs. In the order in which they were chosen: the most rewarding first. */
  readonly repack: readonly PackUsage[]
  /** Nothing in them is used. Missing packs are among them: of these only the index's entry is removed. */
  readonly remove: readonly PackUsage[]
}

/** Fewer small packs than this are left alone, or one remaining small pack would be repacked for ever. */
const smallPacksMin = 10
const packBytesLeast = 4 * 1024 * 1024

/** Divides the packs by restic's rules. */
export function choosePacks(usage: Usage, version: RepositoryVersion, options: PruneOptions): PackChoice {
  const targetBytes = options.smallPackBytes ?? targetPackBytes(usage.packs)
  const remove = usage.packs.filter((pack) => pack.usedBlobs === 0)
  const keep: PackUsage[] = []
  const candidates: PackUsage[] = []
  const small: PackUsage[] = []
  for (const pack of usage.packs) {
    if (pack.usedBlobs === 0) continue
    const isWhole = pack.unusedBlobs === 0 && pack.content !== 'mixed' && !mustCompress(pack, version, options)
    if (options.dataPacks === 'keep' && pack.content === 'data') keep.push(pack)
    else if (!isWhole) candidates.push(pack)
    else if (bytesOf(pack) >= targetBytes) keep.push(pack)
    else small.push(pack)
  }
  if (small.length < smallPacksMin) keep.push(...small)
  else candidates.push(...small)

  const repack: PackUsage[] = []
  const unusedMax = unusedBytesMax(options.unusedLimit, usage.bytes.used)
  const removedBytes = remove.reduce((sum, pack) => sum + pack.unusedBytes, 0)
  let unusedLeft = usage.bytes.duplicate + usage.bytes.unused - removedBytes
  let repackBytes = 0
  for (const pack of candidates.sort(byReward(targetBytes))) {
    const isOverLimit = repackBytes + bytesOf(pack) >= options.repackBytesMax
    const isWanted =
      pack.content !== 'data' ||
      mustCompress(pack, version, options) ||
      unusedLeft >= unusedMax ||
      bytesOf(pack) < targetBytes
    if (isOverLimit || !isWanted) {
      keep.push(pack)
      continue
    }
    repack.push(pack)
    repackBytes += bytesOf(pack)
    unusedLeft -= pack.unusedBytes
  }
  return { keep, repack, remove }
}

/** Packs smaller than this count as small: four fifths of the size below which three packs in a hundred are. */
export function targetPackBytes(packs: readonly PackUsage[]): number {
  if (packs.length === 0) return 0
  const sizes = packs.map(bytesOf).sort((a, b) => a - b)
  return Math.floor((Math.max(packBytesLeast, sizes[Math.floor((packs.length * 3) / 100)]!) * 4) / 5)
}

function bytesOf(pack: PackUsage): number {
  return pack.usedBytes + pack.unusedBytes
}

function mustCompress(pack: PackUsage, version: RepositoryVersion, options: PruneOptions): boolean {
  if (version < 2 || !pack.hasUncompressed) return false
  return pack.content === 'tree' || options.uncompressedData === 'compress'
}

/** Packs with trees first, then small ones, then those with the highest share of unused bytes; equal ones by id. */
function byReward(targetBytes: number): (a: PackUsage, b: PackUsage) => number {
  const rank = (pack: PackUsage): number => (pack.content !== 'data' ? 0 : bytesOf(pack) < targetBytes ? 1 : 2)
  return (a, b) =>
    rank(a) - rank(b) || b.unusedBytes * a.usedBytes - a.unusedBytes * b.usedBytes || (a.id < b.id ? -1 : 1)
}

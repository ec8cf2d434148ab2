import { Failure } from '../../base/failure.ts'
import { blobTypes, type BlobType, type PackedBlob } from '../../model/blob.ts'
import type { BlobSet } from '../../model/blob-set.ts'
import type { Id } from '../../model/id.ts'
import type { IndexedPack } from '../../repository/index-json.ts'
import { packHeaderBytes } from '../../repository/pack-header.ts'

/** What prune counts of one pack that the index names. */
export interface PackUsage {
  readonly id: Id
  readonly blobs: readonly PackedBlob[]
  readonly content: BlobType | 'mixed' | 'nothing'
  /** 'sound' where the pack is stored with the size that the index says, 'missing' where it is not stored at all. */
  readonly state: 'sound' | 'resized' | 'missing'
  readonly hasUncompressed: boolean
  usedBlobs: number
  unusedBlobs: number
  /** Used blobs that lie in other packs too; they count as unused here until one copy of each has been chosen. */
  duplicateBlobs: number
  /** Bytes in the pack; the header counts as used. */
  usedBytes: number
  unusedBytes: number
}

export interface BlobTotals {
  used: number
  unused: number
  duplicate: number
}

export interface Usage {
  readonly packs: readonly PackUsage[]
  readonly blobs: BlobTotals
  /** Sealed bytes, without headers. */
  readonly bytes: BlobTotals
}

/** 0 stands for "more than one copy before, one left"; see chooseCopies(). */
type CopyCounts = Readonly<Record<BlobType, Map<Id, number>>>

/**
 * Counts, for each pack of the index, what of it is used. Of a used blob with several copies exactly one counts as
 * used. Copies in packs that are missing or have a wrong size do not count at all; where a used blob has no other,
 * the answer is Failure `repository_damaged`, since pruning a damaged repository would make the damage final.
 */
export function countUsage(
  packs: readonly IndexedPack[],
  storedPacks: ReadonlyMap<Id, number>,
  usedBlobs: Iterable<{ readonly type: BlobType; readonly id: Id }> & Pick<BlobSet, 'has'>,
): Usage {
  const usages = packs.map((pack) => emptyUsage(pack, storedPacks))
  const copies = countCopies(usages, usedBlobs)
  const totals: Usage = {
    packs: usages,
    blobs: { used: 0, unused: 0, duplicate: 0 },
    bytes: { used: 0, unused: 0, duplicate: 0 },
  }
  for (const usage of usages) countPack(usage, copies, totals)
  if (totals.blobs.duplicate > 0) chooseCopies(totals, copies)
  return totals
}

function emptyUsage(pack: IndexedPack, storedPacks: ReadonlyMap<Id, number>): PackUsage {
  const header = packHeaderBytes(pack.blobs)
  const bytes = pack.blobs.reduce((sum, blob) => sum + blob.length, header)
  const stored = storedPacks.get(pack.id)
  const types = blobTypes.filter((type) => pack.blobs.some((blob) => blob.type === type))
  return {
    id: pack.id,
    blobs: pack.blobs,
    content: types.length > 1 ? 'mixed' : (types[0] ?? 'nothing'),
    state: stored === undefined ? 'missing' : stored === bytes ? 'sound' : 'resized',
    hasUncompressed: pack.blobs.some((blob) => blob.uncompressedLength === undefined),
    usedBlobs: 0,
    unusedBlobs: 0,
    duplicateBlobs: 0,
    usedBytes: header,
    unusedBytes: 0,
  }
}

function countCopies(
  usages: readonly PackUsage[],
  usedBlobs: Iterable<{ readonly type: BlobType; readonly id: Id }>,
): CopyCounts {
  const copies: CopyCounts = { data: new Map(), tree: new Map() }
  for (const { type, id } of usedBlobs) copies[type].set(id, 0)
  for (const usage of usages) {
    if (usage.state !== 'sound') continue
    for (const { type, id } of usage.blobs) {
      const count = copies[type].get(id)
      if (count !== undefined) copies[type].set(id, count + 1)
    }
  }
  const missing = blobTypes.flatMap((type) => Array.from(copies[type]).filter(([, count]) => count === 0))
  if (missing.length === 0) return copies
  throw new Failure(
    'repository_damaged',
    `Cannot prune the repository: ${missing.length} used blobs are in no sound pack, the first is "${missing[0]![0]}"`,
    { facts: { hint: 'Pruning now could make a damage final. Run `check`, then `heal` from a mirror' } },
  )
}

function countPack(usage: PackUsage, copies: CopyCounts, totals: Usage): void {
  for (const { type, id, length } of usage.blobs) {
    const count = usage.state === 'sound' ? copies[type].get(id) : undefined
    const kind = count === undefined ? 'unused' : count === 1 ? 'used' : 'duplicate'
    totals.blobs[kind]++
    totals.bytes[kind] += length
    if (kind === 'used') {
      usage.usedBlobs++
      usage.usedBytes += length
    } else {
      usage.unusedBlobs++
      usage.unusedBytes += length
      if (kind === 'duplicate') usage.duplicateBlobs++
    }
  }
}

/**
 * Turns one copy of each duplicate from unused to used: the first in a pack that is in use anyway, or that holds
 * nothing but duplicates (as an interrupted prune leaves them), else the last of all.
 */
function chooseCopies(totals: Usage, copies: CopyCounts): void {
  const lastCopy = 0
  const chosen = 1
  for (const usage of totals.packs) {
    if (usage.state !== 'sound') continue
    for (const { type, id, length } of usage.blobs) {
      const count = copies[type].get(id)
      if (count === undefined || count === chosen) continue
      const isGoodPlace = usage.usedBlobs > 0 || usage.duplicateBlobs === usage.unusedBlobs
      if (!isGoodPlace && count !== lastCopy) {
        copies[type].set(id, count === 2 ? lastCopy : count - 1)
        continue
      }
      copies[type].set(id, chosen)
      usage.usedBlobs++
      usage.usedBytes += length
      usage.unusedBlobs--
      usage.unusedBytes -= length
      totals.blobs.used++
      totals.blobs.duplicate--
      totals.bytes.used += length
      totals.bytes.duplicate -= length
    }
  }
}

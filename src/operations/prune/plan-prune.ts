import type { PackedBlob } from '../../model/blob.ts'
import type { BlobSet } from '../../model/blob-set.ts'
import type { Id } from '../../model/id.ts'
import type { RepositoryVersion } from '../../repository/config.ts'
import { choosePacks, type PackChoice } from './choose-packs.ts'
import { countUsage } from './pack-usage.ts'
import { joinIndexes } from '../join-indexes.ts'
import type { IndexFile } from '../load-index-files.ts'
import { planIndexRewrite, type IndexRewrite } from './plan-index-rewrite.ts'
import type { PruneOptions } from './prune-options.ts'
import { pruneStatistics, type PruneStatistics } from './prune-statistics.ts'

/** All that deciding needs to know of a repository. */
export interface PruneFacts {
  readonly version: RepositoryVersion
  readonly indexes: readonly IndexFile[]
  /** Every object below "data/", with its size in bytes. */
  readonly storedPacks: ReadonlyMap<Id, number>
  /** Every blob that a snapshot needs. */
  readonly usedBlobs: BlobSet
}

/** A blob to be copied into a new pack. */
export interface KeptBlob {
  readonly blob: PackedBlob
  /** 'compress' where it lies uncompressed and should not. */
  readonly how: 'as it is' | 'compress'
}

export interface RepackedPack {
  readonly id: Id
  /** Bytes. */
  readonly storedBytes: number
  /** In the order of their offsets; may be none, where other packs hold everything that is used. */
  readonly keep: readonly KeptBlob[]
}

/** What pruning would do. Plain data; executing it decides nothing. */
export interface PrunePlan {
  /** Packs that no index names: removed first, for nothing can need them. */
  readonly removeFirst: readonly Id[]
  readonly repack: readonly RepackedPack[]
  readonly rewrite: IndexRewrite
  /** Packs to remove at the end: those without a used blob, and those that were repacked. */
  readonly removeLast: readonly Id[]
  readonly statistics: PruneStatistics
}

/**
 * Decides what to prune, by restic's rules (restic internal/repository/prune.go), so that either program may be run
 * on a repository with the same outcome. Failure `repository_damaged` where a used blob is in no sound pack.
 */
export function planPrune(facts: PruneFacts, options: PruneOptions): PrunePlan {
  const indexed = joinIndexes(facts.indexes)
  const usage = countUsage(indexed, facts.storedPacks, facts.usedBlobs)
  const choice = choosePacks(usage, facts.version, options)
  const indexedIds = new Set(indexed.map((pack) => pack.id))
  const removeFirst = Array.from(facts.storedPacks.keys()).filter((id) => !indexedIds.has(id))
  const removeLast = [...choice.remove.filter((pack) => pack.state !== 'missing'), ...choice.repack].map(
    (pack) => pack.id,
  )
  const dropped = new Set([...choice.remove, ...choice.repack].map((pack) => pack.id))
  return {
    removeFirst: removeFirst.toSorted(),
    repack: planRepacking(choice, facts, options),
    rewrite: planIndexRewrite(facts.indexes, dropped),
    removeLast: removeLast.toSorted(),
    statistics: pruneStatistics({ facts, usage, choice, removeFirst }),
  }
}

/** Whether the plan would change anything. */
export function isEmptyPlan(plan: PrunePlan): boolean {
  return plan.removeFirst.length + plan.removeLast.length + plan.repack.length + plan.rewrite.removeIndexes.length === 0
}

/** Every used blob of the repacked packs goes into a new pack once, unless a pack that stays holds it too. */
function planRepacking(choice: PackChoice, facts: PruneFacts, options: PruneOptions): RepackedPack[] {
  const missing = { tree: new Set<Id>(), data: new Set<Id>() }
  for (const pack of choice.repack)
    for (const { type, id } of pack.blobs) if (facts.usedBlobs.has(type, id)) missing[type].add(id)
  for (const pack of choice.keep) for (const { type, id } of pack.blobs) missing[type].delete(id)
  return choice.repack.map((pack) => ({
    id: pack.id,
    storedBytes: facts.storedPacks.get(pack.id) ?? 0,
    keep: pack.blobs
      .toSorted((a, b) => a.offset - b.offset)
      .filter(({ type, id }) => missing[type].delete(id))
      .map((blob) => ({ blob, how: needsCompression(blob, facts.version, options) ? 'compress' : 'as it is' })),
  }))
}

function needsCompression(blob: PackedBlob, version: RepositoryVersion, options: PruneOptions): boolean {
  if (version < 2 || blob.uncompressedLength !== undefined) return false
  return blob.type === 'tree' || options.uncompressedData === 'compress'
}

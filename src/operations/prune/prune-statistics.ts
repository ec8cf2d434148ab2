import type { Id } from '../../model/id.ts'
import type { PackChoice } from './choose-packs.ts'
import type { PackUsage, Usage } from './pack-usage.ts'
import type { PruneFacts } from './plan-prune.ts'

/** Counts of a plan, in restic's words. */
export interface PruneStatistics {
  readonly blobs: {
    readonly used: number
    readonly duplicate: number
    readonly unused: number
    readonly total: number
    /** All blobs of the packs to repack. */
    readonly repack: number
    /** Those of them that go. */
    readonly repackRemove: number
    /** Blobs of packs that are removed without repacking. */
    readonly remove: number
    readonly removeTotal: number
    readonly remaining: number
  }
  /** Sealed bytes; headers of packs are not counted but where whole packs are. */
  readonly bytes: PruneStatistics['blobs'] & {
    /** In packs that no index names. */
    readonly unreferenced: number
    /** In packs that hold something uncompressed and stay; always 0 in format 1. */
    readonly uncompressed: number
    readonly remainingUnused: number
  }
  readonly packs: {
    readonly used: number
    readonly partlyUsed: number
    readonly unused: number
    readonly unreferenced: number
    readonly total: number
    readonly keep: number
    readonly repack: number
    readonly remove: number
    readonly removeTotal: number
  }
}

export function pruneStatistics(about: {
  readonly facts: Pick<PruneFacts, 'version' | 'storedPacks'>
  readonly usage: Usage
  readonly choice: PackChoice
  readonly removeFirst: readonly Id[]
}): PruneStatistics {
  const { facts, usage, choice } = about
  const stored = usage.packs.filter((pack) => pack.state !== 'missing')
  const removed = choice.remove.filter((pack) => pack.state !== 'missing')
  const unreferenced = sum(about.removeFirst, (id) => facts.storedPacks.get(id) ?? 0)
  const staying = [...choice.keep, ...removed].filter((pack) => pack.hasUncompressed)
  const blobs = flow(usage.blobs, choice, { all: (pack) => pack.blobs.length, gone: (pack) => pack.unusedBlobs })
  const bytes = flow(usage.bytes, choice, { all: bytesOf, gone: (pack) => pack.unusedBytes })
  const used = stored.filter((pack) => pack.usedBlobs > 0 && pack.unusedBlobs === 0).length
  const unused = stored.filter((pack) => pack.usedBlobs === 0).length
  return {
    blobs,
    bytes: {
      ...bytes,
      total: bytes.total + unreferenced,
      removeTotal: bytes.removeTotal + unreferenced,
      unreferenced,
      uncompressed: facts.version < 2 ? 0 : sum(staying, bytesOf),
      remainingUnused: bytes.duplicate + bytes.unused - bytes.removeTotal,
    },
    packs: {
      used,
      unused,
      partlyUsed: stored.length - used - unused,
      unreferenced: about.removeFirst.length,
      total: stored.length + about.removeFirst.length,
      keep: choice.keep.length,
      repack: choice.repack.length,
      remove: removed.length,
      removeTotal: removed.length + about.removeFirst.length,
    },
  }
}

function flow(
  totals: { readonly used: number; readonly unused: number; readonly duplicate: number },
  choice: PackChoice,
  measure: { readonly all: (pack: PackUsage) => number; readonly gone: (pack: PackUsage) => number },
): PruneStatistics['blobs'] {
  const total = totals.used + totals.unused + totals.duplicate
  const repackRemove = sum(choice.repack, measure.gone)
  const remove = sum(choice.remove, measure.gone)
  return {
    ...totals,
    total,
    repack: sum(choice.repack, measure.all),
    repackRemove,
    remove,
    removeTotal: remove + repackRemove,
    remaining: total - remove - repackRemove,
  }
}

function bytesOf(pack: PackUsage): number {
  return pack.usedBytes + pack.unusedBytes
}

function sum<Item>(items: readonly Item[], measure: (item: Item) => number): number {
  return items.reduce((total, item) => total + measure(item), 0)
}

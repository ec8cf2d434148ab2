import { createHash } from 'node:crypto'
import { Failure } from '../../base/failure.ts'
import type { BlobType } from '../../model/blob.ts'
import type { Id } from '../../model/id.ts'
import type { Node } from '../../model/node.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { BlobSizes, TreeSource } from './tree-source.ts'
import { walkTree } from './walk-tree.ts'

/** What `stats` counts, in restic's words. */
export const statisticsModes = ['restore-size', 'files-by-contents', 'raw-data', 'blobs-per-file'] as const
export type StatisticsMode = (typeof statisticsModes)[number]

export interface Statistics {
  readonly mode: StatisticsMode
  readonly snapshots: number
  /** Bytes. */
  readonly totalSize: number
  /** Entries of directories, or files with different contents. */
  readonly fileCount: number
  readonly blobCount: number
  /** For 'raw-data' in format 2: bytes that the blobs would take if none were compressed. */
  readonly uncompressedSize: number
  /** Of the blobs that are compressed: bytes before and after. */
  readonly compressedFrom: number
  readonly compressedTo: number
}

/** Counts what snapshots hold, as restic does. A damaged tree or a blob that no index names is thrown. */
export async function countStatistics(
  source: TreeSource,
  sizes: BlobSizes,
  request: { readonly snapshots: readonly Snapshot[]; readonly mode: StatisticsMode; readonly formatVersion: 1 | 2 },
  signal: AbortSignal,
): Promise<Statistics> {
  const counter = counters[request.mode](sizes)
  for (const snapshot of request.snapshots) {
    counter.begin?.(snapshot)
    const { enter } = counter
    for await (const event of walkTree(source, snapshot.tree, enter === undefined ? {} : { enter }, signal)) {
      if (event.kind === 'damaged') throw event.failure
      if (event.kind === 'node') counter.add(event.path, event.node)
    }
  }
  const nothing = { totalSize: 0, fileCount: 0, blobCount: 0, uncompressedSize: 0, compressedFrom: 0, compressedTo: 0 }
  const total = { ...nothing, ...counter.total() }
  if (request.formatVersion === 1) total.uncompressedSize = 0
  return { mode: request.mode, snapshots: request.snapshots.length, ...total }
}

type Totals = Partial<Omit<Statistics, 'mode' | 'snapshots'>>

interface Counter {
  begin?(snapshot: Snapshot): void
  /** As in WalkOptions. */
  readonly enter?: (path: string, node: Node) => boolean
  add(path: string, node: Node): void
  total(): Totals
}

const counters: Record<StatisticsMode, (sizes: BlobSizes) => Counter> = {
  'restore-size': restoreSize,
  'files-by-contents': filesByContents,
  'blobs-per-file': blobsPerFile,
  'raw-data': rawData,
}

/** Every entry counts; of hard links to one file of one snapshot only the first has a size. */
function restoreSize(): Counter {
  const total = { totalSize: 0, fileCount: 0 }
  let linked = new Set<string>()
  return {
    begin: () => {
      linked = new Set()
    },
    add: (_path, node) => {
      total.fileCount++
      if (node.links !== 1 && node.type !== 'dir' && node.inode) {
        const file = `${node.device_id ?? 0}:${node.inode}`
        if (linked.has(file)) return
        linked.add(file)
      }
      total.totalSize += node.size ?? 0
    },
    total: () => total,
  }
}

function filesByContents(): Counter {
  const total = { totalSize: 0, fileCount: 0 }
  const seen = new Set<string>()
  return {
    add: (_path, node) => {
      if (!isNew(seen, node)) return
      total.fileCount++
      total.totalSize += node.size ?? 0
    },
    total: () => total,
  }
}

function blobsPerFile(sizes: BlobSizes): Counter {
  const total = { totalSize: 0, fileCount: 0, blobCount: 0 }
  const seen = new Set<string>()
  const blobsOfPath = new Map<string, Set<Id>>()
  return {
    add: (path, node) => {
      if (!isNew(seen, node)) return
      for (const id of node.content ?? []) {
        const blobs = blobsOfPath.get(path) ?? new Set()
        if (blobs.size === 0) total.fileCount++
        blobsOfPath.set(path, blobs)
        if (blobs.has(id)) continue
        blobs.add(id)
        total.blobCount++
        total.totalSize += sizes.plaintextLength(entryOf(sizes, id, 'data'))
      }
    },
    total: () => total,
  }
}

function isNew(seen: Set<string>, node: Node): boolean {
  const contents = createHash('sha256')
    .update((node.content ?? []).join(''))
    .digest('base64')
  if (seen.has(contents)) return false
  seen.add(contents)
  return true
}

function rawData(sizes: BlobSizes): Counter {
  const seen: Record<BlobType, Set<Id>> = { data: new Set(), tree: new Set() }
  const total = { totalSize: 0, blobCount: 0, uncompressedSize: 0, compressedFrom: 0, compressedTo: 0 }
  const count = (id: Id, type: BlobType): boolean => {
    if (seen[type].has(id)) return false
    seen[type].add(id)
    const entry = entryOf(sizes, id, type)
    const length = sizes.length(entry)
    const unsealed = sizes.plaintextLength(entry) + sealedOverhead
    total.blobCount++
    total.totalSize += length
    total.uncompressedSize += unsealed
    if (sizes.uncompressedLength(entry) !== undefined) {
      total.compressedFrom += unsealed
      total.compressedTo += length
    }
    return true
  }
  return {
    begin: (snapshot) => {
      count(snapshot.tree, 'tree')
    },
    // The question is asked once for each directory, so it may count the tree: one that is known is not walked again.
    enter: (_path, node) => node.subtree !== undefined && count(node.subtree, 'tree'),
    add: (_path, node) => {
      if (node.type === 'file') for (const id of node.content ?? []) count(id, 'data')
    },
    total: () => total,
  }
}

/** Bytes that sealing adds. */
const sealedOverhead = 32

function entryOf(sizes: BlobSizes, id: Id, type: BlobType): number {
  const entry = sizes.find(id, type)
  if (entry >= 0) return entry
  throw new Failure('object_missing', `Cannot find ${type} blob "${id}": no index names it`)
}

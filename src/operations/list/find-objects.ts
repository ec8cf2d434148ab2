import type { ByteName } from '../../base/byte-name.ts'
import type { BlobType } from '../../model/blob.ts'
import type { Id } from '../../model/id.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { FindGap } from './find-entries.ts'
import type { TreeSource } from './tree-source.ts'
import { type WalkEvent, walkTree } from './walk-tree.ts'

/** What `find` is asked, for blobs: each text is an id or its first eight digits. */
export interface FindObjectsRequest {
  readonly snapshots: readonly Snapshot[]
  readonly dataBlobs: readonly string[]
  readonly trees: readonly string[]
}

/** A place where a blob is used. */
export interface FoundObject {
  readonly kind: 'object'
  readonly type: BlobType
  readonly id: Id
  readonly path: ByteName
  /** The tree that holds the file; undefined for a tree. */
  readonly parentTree: Id | undefined
  readonly snapshot: Snapshot
}

export type FindObjectsEvent = FoundObject | FindGap

/** Searches snapshots for the files and directories that use blobs. */
export async function* findObjects(
  source: TreeSource,
  request: FindObjectsRequest,
  signal: AbortSignal,
): AsyncGenerator<FindObjectsEvent, void, undefined> {
  const wanted: Wanted = { data: new Set(request.dataBlobs), tree: new Set(request.trees) }
  for (const snapshot of request.snapshots) {
    if (has(wanted.tree, snapshot.tree)) {
      yield { kind: 'object', type: 'tree', id: snapshot.tree, path: '/', parentTree: undefined, snapshot }
    }
    for await (const event of walkTree(source, snapshot.tree, {}, signal)) {
      if (event.kind === 'damaged') yield { ...event, snapshot }
      if (event.kind === 'node') yield* usesOf(event, wanted, snapshot)
    }
  }
}

type Wanted = Readonly<Record<BlobType, ReadonlySet<string>>>

function* usesOf(event: WalkEvent & { kind: 'node' }, wanted: Wanted, snapshot: Snapshot): Generator<FoundObject> {
  const { node, path, treeId } = event
  if (node.type === 'dir' && node.subtree !== undefined && has(wanted.tree, node.subtree)) {
    yield { kind: 'object', type: 'tree', id: node.subtree, path, parentTree: undefined, snapshot }
  }
  if (node.type !== 'file' || wanted.data.size === 0) return
  for (const id of node.content ?? []) {
    if (has(wanted.data, id)) yield { kind: 'object', type: 'data', id, path, parentTree: treeId, snapshot }
  }
}

const shortIdDigits = 8

function has(wanted: ReadonlySet<string>, id: Id): boolean {
  return wanted.size > 0 && (wanted.has(id) || wanted.has(id.slice(0, shortIdDigits)))
}

import type { ByteName } from '../../base/byte-name.ts'
import type { Failure } from '../../base/failure.ts'
import { compareMoments, goZeroTime, type Moment, parseGoTime } from '../../model/go-time.ts'
import type { Id } from '../../model/id.ts'
import type { Node } from '../../model/node.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { PathPattern } from './path-pattern.ts'
import type { TreeSource } from './tree-source.ts'
import { walkTree } from './walk-tree.ts'

/** What `find` is asked, for names. */
export interface FindRequest {
  /** In the order in which they are to be searched. */
  readonly snapshots: readonly Snapshot[]
  /** An entry is found when it matches one of them. */
  readonly patterns: readonly PathPattern[]
  /** Modified at this moment or later. */
  readonly oldest?: Moment
  /** Modified at this moment or earlier. */
  readonly newest?: Moment
}

export type FindEvent =
  | { readonly kind: 'match'; readonly snapshot: Snapshot; readonly path: ByteName; readonly node: Node }
  /** This tree can not be read: the search went on without it, and the caller has to say so. */
  | FindGap

export interface FindGap {
  readonly kind: 'damaged'
  readonly snapshot: Snapshot
  readonly path: ByteName
  readonly treeId: Id
  readonly failure: Failure
}

/** Searches snapshots for names, as restic does. */
export async function* findEntries(
  source: TreeSource,
  request: FindRequest,
  signal: AbortSignal,
): AsyncGenerator<FindEvent, void, undefined> {
  const { patterns } = request
  const enter = (path: ByteName): boolean =>
    patterns.some((pattern) => pattern.matches(path) || pattern.matchesBelow(path))
  for (const snapshot of request.snapshots) {
    for await (const event of walkTree(source, snapshot.tree, { enter }, signal)) {
      if (event.kind === 'damaged') yield { ...event, snapshot }
      if (event.kind !== 'node') continue
      const { path, node } = event
      if (!patterns.some((pattern) => pattern.matches(path)) || !isInTime(node, request)) continue
      yield { kind: 'match', snapshot, path, node }
    }
  }
}

function isInTime(node: Node, { oldest, newest }: FindRequest): boolean {
  if (oldest === undefined && newest === undefined) return true
  const modified = parseGoTime(node.mtime ?? goZeroTime)
  if (oldest !== undefined && compareMoments(modified, oldest) < 0) return false
  return newest === undefined || compareMoments(modified, newest) <= 0
}

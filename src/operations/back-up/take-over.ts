import type { Id } from '../../model/id.ts'
import type { Tree } from '../../model/node.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { Repository } from '../../repository/repository.ts'
import { attachmentFolder } from '../attachments.ts'
import { walkTrees } from '../walk-trees.ts'
import { isDamage } from '../load-index-files.ts'
import type { BackupContext, BackupReport, BackupRequest } from './backup-request.ts'
import { type BackupCounts, nothingBackedUp } from './backup-counts.ts'
import { snapshotOf, summaryOf } from './snapshot-of.ts'

/** What of a backup's request matters where nothing is read. */
export type TakeOverRequest = Pick<
  BackupRequest,
  'repository' | 'paths' | 'hostname' | 'username' | 'userId' | 'groupId' | 'tags' | 'time'
> & {
  /** The snapshot that has all of the source as it still is. It must be without gaps: they are not known of it here. */
  readonly parent: Snapshot
}

/**
 * Makes a snapshot of a source of which the caller knows that it is as it was: the parent's whole tree, attachments and all,
 * without reading the source. Undefined, and nothing is stored, where a tree can not be read or a blob that it needs is not in
 * the index: then the source is to be read. The caller holds a shared lock on the repository, whose index is loaded.
 */
export async function takeOver(
  request: TakeOverRequest,
  context: Pick<BackupContext, 'clock' | 'programVersion'>,
  signal: AbortSignal,
): Promise<BackupReport | undefined> {
  const { repository, parent } = request
  const begin = context.clock.now()
  const counts = await countWhole(repository, parent.tree, signal)
  if (counts === undefined) return undefined
  const end = context.clock.now()
  const summary = summaryOf(counts, { bytesPacked: 0, begin, end })
  const facts = { time: request.time ?? begin, paths: request.paths, parent, tree: parent.tree, summary, holes: 0 }
  const snapshotId = await repository.saveSnapshot(snapshotOf(request, context, facts), signal)
  const report = { snapshotId, parentId: parent.id, tree: parent.tree, summary, gaps: [], gapsOmitted: 0 }
  return { ...report, packsWithdrawn: [], packsRehashed: { packs: 0, bytes: 0 } }
}

/** What the source's part of a tree holds, all of it unmodified; undefined where something of the whole is missing. */
async function countWhole(repository: Repository, root: Id, signal: AbortSignal): Promise<BackupCounts | undefined> {
  const { index } = repository
  const trees = new Map<Id, Tree>()
  let isWhole = true
  try {
    await walkTrees(repository, [root], { onTree: (id, tree) => void trees.set(id, tree) }, signal)
  } catch (error) {
    if (!isDamage(error)) throw error
    return undefined
  }
  const counts = nothingBackedUp()
  const count = (id: Id, isCounted: boolean): void => {
    for (const { name, type, content, subtree, size } of trees.get(id)!.nodes) {
      if (type === 'file') isWhole &&= (content ?? []).every((blob) => index.find(blob, 'data') >= 0)
      const isSource = isCounted && !(id === root && name === attachmentFolder)
      if (subtree !== undefined) count(subtree, isSource)
      if (!isSource) continue
      if (type === 'dir') counts.dirsUnmodified++
      if (type !== 'file') continue
      counts.filesUnmodified++
      counts.bytes += size ?? 0
    }
  }
  count(root, true)
  return isWhole ? counts : undefined
}

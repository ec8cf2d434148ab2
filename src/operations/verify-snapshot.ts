import { hash } from 'node:crypto'
import { Failure } from '../base/failure.ts'
import type { Id } from '../model/id.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { packObjectName } from '../repository/object-kind.ts'
import type { Repository } from '../repository/repository.ts'
import { rehashPacks } from './back-up/rehash-packs.ts'
import { TreeReader } from './tree-reader.ts'
import { walkTrees } from './walk-trees.ts'

/** What a snapshot was found to need, and that all of it is as its name says. */
export interface SnapshotVerified {
  readonly trees: number
  readonly packs: number
  readonly bytes: number
}

const lanes = 2
const namesMax = 5

/**
 * Reads every pack in which something lies that a snapshot needs, and compares the SHA-256 of each with its name; the snapshot
 * and the indexes were compared when they were read. The index is loaded. Failures `repository_damaged`, which names
 * the objects, and `object_missing` where no index names what is needed.
 */
export async function verifySnapshot(
  repository: Repository,
  snapshot: Pick<Snapshot, 'id' | 'tree'>,
  signal: AbortSignal,
): Promise<SnapshotVerified> {
  const { index } = repository
  const packs = new Set<Id>()
  let trees = 0
  let damage: Failure | undefined
  const need = (id: Id, type: 'data' | 'tree'): void => {
    const entry = index.find(id, type)
    if (entry < 0) {
      throw new Failure(
        'object_missing',
        `Cannot verify backup "${snapshot.id.slice(0, 8)}": no index names ${type} "${id}"`,
      )
    }
    packs.add(index.packId(index.packNumber(entry)))
  }
  const reader = new TreeReader(repository)
  need(snapshot.tree, 'tree')
  await walkTrees(
    { loadTree: reader.tree.bind(reader) },
    [snapshot.tree],
    {
      onTree: (id, { nodes }) => {
        trees += 1
        need(id, 'tree')
        for (const { content } of nodes) for (const blob of content ?? []) need(blob, 'data')
      },
      // Its pack is among those that are read below, and found to be damaged there.
      onDamaged: (id, failure) => {
        need(id, 'tree')
        damage ??= failure
      },
    },
    signal,
  )
  const read = await rehashPacks(
    {
      storage: repository.storage,
      packs,
      lanes,
      hash: async (buffer, length) => hash('sha256', new Uint8Array(buffer, 0, length)),
      progress: () => {},
    },
    signal,
  )
  if (read.damaged.length > 0) {
    const told = read.damaged.slice(0, namesMax).map((id) => `"${packObjectName(id)}"`)
    const others = read.damaged.length - told.length
    throw new Failure(
      'repository_damaged',
      `Cannot restore backup "${snapshot.id.slice(0, 8)}": ${told.join(', ')}${others > 0 ? ` and ${others} others` : ''} are not what their names say`,
      { facts: { hint: 'Run `heal`, which mends it from the other location; or restore from there with --location' } },
    )
  }
  if (damage !== undefined) throw damage
  return { trees, packs: read.packs, bytes: read.bytes }
}

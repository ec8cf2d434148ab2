import { hash } from 'node:crypto'
import { Failure } from '../base/failure.ts'
import type { Id } from '../model/id.ts'
import type { Tree } from '../model/node.ts'
import type { Repository } from '../repository/repository.ts'
import { encodeTree } from '../repository/tree-json.ts'
import { readContent } from './list/read-content.ts'

/** A small file that the engine puts into a snapshot beside what was backed up, such as the manifest. */
export interface Attachment {
  /** A plain file name, such as "manifest.json". */
  readonly name: string
  readonly content: Uint8Array
}

/** The directory in a snapshot's root that holds its attachments. */
export const attachmentFolder = '.zakops-backup'

/** More than any manifest needs; beyond it something else is being attached. */
export const attachmentBytesMax = 64 * 1024 * 1024

/** The tree as it would be without attachments, and its id: what tells whether the source itself is unchanged. */
export function withoutAttachments(id: Id, tree: Tree): { readonly id: Id; readonly tree: Tree } {
  const nodes = tree.nodes.filter(({ name }) => name !== attachmentFolder)
  if (nodes.length === tree.nodes.length) return { id, tree }
  return { id: hash('sha256', encodeTree(nodes)), tree: { nodes } }
}

/**
 * The content of a snapshot's attachment; undefined where it has none of that name, as of restic's own snapshots. Every
 * byte is verified. The index must be loaded. Failures `repository_damaged` and `object_missing`.
 */
export async function readAttachment(
  repository: Pick<Repository, 'loadTree' | 'loadBlob'>,
  snapshot: { readonly tree: Id },
  name: string,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const root = await repository.loadTree(snapshot.tree, signal)
  const folder = root.nodes.find((node) => node.name === attachmentFolder)
  if (folder?.subtree === undefined) return undefined
  const { nodes } = await repository.loadTree(folder.subtree, signal)
  const node = nodes.find((candidate) => candidate.name === name && candidate.type === 'file')
  if (node === undefined) return undefined
  if ((node.size ?? 0) > attachmentBytesMax) {
    throw new Failure(
      'repository_damaged',
      `Cannot read "/${attachmentFolder}/${name}": it has ${node.size} bytes, expected at most ${attachmentBytesMax}`,
    )
  }
  return Buffer.concat(await Array.fromAsync(readContent(repository, node, signal)))
}

import { compareNames } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import { goMode } from '../../model/file-mode.ts'
import type { Id } from '../../model/id.ts'
import type { Node } from '../../model/node.ts'
import { encodeNode } from '../../repository/node-json.ts'
import { type Attachment, attachmentBytesMax, attachmentFolder } from '../attachments.ts'
import type { BackupJob } from './backup-job.ts'
import { storeTree } from './directory-job.ts'
import { nameOf } from './source-tree.ts'
import type { WorkerContext } from './worker-context.ts'

/** An attachment is cut into pieces of so many bytes. */
const pieceBytes = 1024 * 1024
/** Always the same time and owner, so that equal attachments give equal trees. */
const fixedTime = '2000-01-01T00:00:00Z'
const fixed = { mtime: fixedTime, atime: fixedTime, ctime: fixedTime, uid: 0, gid: 0 } as const

/** Stores the files, their directory, and the tree of `nodes` with that directory in its place; answers that tree's id. */
export function storeAttachments(job: Extract<BackupJob, { kind: 'attach' }>, context: WorkerContext): Id {
  const files = job.files
    .toSorted((a, b) => compareNames(a.name, b.name))
    .map((file) => encodeNode(storeFile(file, context)))
  const folder = encodeNode({
    name: attachmentFolder,
    type: 'dir',
    mode: goMode('dir', 0o700),
    ...fixed,
    content: null,
    subtree: storeTree(files, context),
  })
  const at = job.nodes.findIndex((node) => compareNames(nameOf(node), attachmentFolder) > 0)
  return storeTree(job.nodes.toSpliced(at < 0 ? job.nodes.length : at, 0, folder), context)
}

function storeFile({ name, content }: Attachment, { store }: WorkerContext): Node {
  if (!/^[\w-][\w.-]*$/.test(name) || content.length > attachmentBytesMax) {
    throw new Failure(
      'defect',
      `Cannot attach "${name}" of ${content.length} bytes: expected at most ${attachmentBytesMax}`,
    )
  }
  const ids: Id[] = []
  for (let at = 0; at < content.length; at += pieceBytes) {
    ids.push(store.store('data', content.subarray(at, at + pieceBytes)))
  }
  return { name, type: 'file', mode: 0o600, ...fixed, size: content.length, links: 1, content: ids }
}

import type { ByteName } from '../../base/byte-name.ts'
import type { Id } from '../../model/id.ts'
import type { Node } from '../../model/node.ts'
import type { BlobIndex } from '../../repository/blob-index.ts'
import type { RestoreProblem } from './restore-request.ts'

/** A file to be restored. */
export interface WantedFile {
  /** In the snapshot. */
  readonly path: ByteName
  readonly node: Node
  /** Names that lead from the target to its directory. */
  readonly directory: readonly ByteName[]
  /** Nothing can be there: its directory was made by this restore. */
  readonly isNew: boolean
}

/** Its path from the target on. */
export function pathBelowTarget({ directory, node: { name } }: Pick<WantedFile, 'directory' | 'node'>): ByteName {
  return [...directory, name].join('/')
}

/** A file with its place in the repository. */
export interface LocatedFile extends WantedFile {
  /** Bytes of its content. */
  readonly size: number
  readonly content: readonly Id[]
  /** Entries of the index, lengths and offsets of its blobs. */
  readonly entries: readonly number[]
  readonly lengths: readonly number[]
  readonly offsets: readonly number[]
}

/** Looks up a file's blobs. Undefined where one is in no index; what is not as it should be goes to `onProblem`. */
export function locateFile(
  file: WantedFile,
  index: Pick<BlobIndex, 'find' | 'plaintextLength'>,
  onProblem: (problem: RestoreProblem) => void,
): LocatedFile | undefined {
  const content = file.node.content ?? []
  const entries = Array.from<number>({ length: content.length })
  const lengths = Array.from<number>({ length: content.length })
  const offsets = Array.from<number>({ length: content.length })
  let size = 0
  for (let at = 0; at < content.length; at++) {
    const entry = index.find(content[at]!, 'data')
    if (entry < 0) {
      onProblem({ path: file.path, code: 'object_missing', detail: `Its blob "${content[at]}" is in no index` })
      return undefined
    }
    entries[at] = entry
    offsets[at] = size
    lengths[at] = index.plaintextLength(entry)
    size += lengths[at]!
  }
  if (size !== (file.node.size ?? 0)) {
    const detail = `Its size is ${file.node.size ?? 0} bytes, but its content has ${size}; the content is restored`
    onProblem({ path: file.path, code: 'repository_damaged', detail })
  }
  return { ...file, size, content, entries, lengths, offsets }
}

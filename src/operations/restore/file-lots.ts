import type { ByteName } from '../../base/byte-name.ts'
import type { Node } from '../../model/node.ts'
import type { LocatedFile } from './located-file.ts'
import type { FileTarget } from './restore-job.ts'

/** Files of a job that reads or writes little of each. */
const lotFilesMax = 256
const lotBytesMax = 16 * 1024 * 1024

/** Files in lots for one job each; `from` is the number of a lot's first file. */
export function* fileLots(
  files: readonly LocatedFile[],
): Generator<{ readonly from: number; readonly lot: LocatedFile[] }, void, undefined> {
  let lot: LocatedFile[] = []
  let bytes = 0
  let from = 0
  for (const file of files) {
    lot.push(file)
    bytes += file.size
    if (lot.length < lotFilesMax && bytes < lotBytesMax) continue
    yield { from, lot }
    from += lot.length
    lot = []
    bytes = 0
  }
  if (lot.length > 0) yield { from, lot }
}

/** Files as a job names them: each directory told once. */
export function targetsOf(files: readonly LocatedFile[]): {
  readonly directories: (readonly ByteName[])[]
  readonly targets: FileTarget[]
} {
  const directories: (readonly ByteName[])[] = []
  const numbers = new Map<readonly ByteName[], number>()
  let last: readonly ByteName[] | undefined
  let number = 0
  const targets = files.map(({ directory, node, size }) => {
    if (directory !== last) {
      last = directory
      number = numbers.get(directory) ?? directories.push(directory) - 1
      numbers.set(directory, number)
    }
    return { directory: number, node: metadataOf(node), size }
  })
  return { directories, targets }
}

/** What a worker needs of a node: little, since there are many. */
function metadataOf(node: Node): Node {
  const { name, type, mode, mtime, atime, uid, gid, links, extended_attributes } = node
  return {
    name,
    type,
    uid,
    gid,
    content: null,
    ...(mode !== undefined && { mode }),
    ...(mtime !== undefined && { mtime }),
    ...(atime !== undefined && atime !== mtime && { atime }),
    ...(links !== undefined && links > 1 && { links }),
    ...(extended_attributes !== undefined && { extended_attributes }),
  }
}

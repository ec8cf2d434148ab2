import { permissionsOfGoMode } from '../../model/file-mode.ts'
import { parseGoTime } from '../../model/go-time.ts'
import type { Node } from '../../model/node.ts'
import { listAttributes } from '../../posix/extended-attributes.ts'
import type { FileStat } from '../../posix/stat.ts'
import { isRemovable } from './apply-metadata.ts'

/**
 * Whether an open file has the metadata of its node for sure, so that applyMetadata() would change nothing. Answers no
 * where the node has extended attributes, whose values would have to be read. Throws SystemError.
 */
export function hasMetadata(fd: number, stat: FileStat, node: Node): boolean {
  if (stat.uid !== node.uid || stat.gid !== node.gid) return false
  if ((stat.mode & 0o7777) !== permissionsOfGoMode(node.mode ?? 0)) return false
  if (node.mtime !== undefined) {
    const mtime = parseGoTime(node.mtime)
    const atime = node.atime === undefined || node.atime === node.mtime ? mtime : parseGoTime(node.atime)
    if (stat.mtimeSeconds !== mtime.seconds || stat.mtimeNanoseconds !== mtime.nanoseconds) return false
    if (stat.atimeSeconds !== atime.seconds || stat.atimeNanoseconds !== atime.nanoseconds) return false
  }
  if ((node.extended_attributes?.length ?? 0) > 0) return false
  return !listAttributes({ fd }).some((name) => isRemovable(name.subarray(0, -1)))
}

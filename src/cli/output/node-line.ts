import { type ByteName, printableName } from '../../base/byte-name.ts'
import { goZeroTime } from '../../model/go-time.ts'
import type { Node } from '../../model/node.ts'
import { nodeModeText } from '../../operations/list/mode-text.ts'
import { formatBytes } from './format-bytes.ts'
import { formatTime } from './format-time.ts'

/** How much a line of a listing says. */
export interface NodeLineOptions {
  readonly long: boolean
  /** Sizes as "1.46 MiB" rather than in bytes. */
  readonly humanReadable: boolean
}

/** A line of `ls` and `find`: the path, or restic's long form with mode, owner, group, size and time before it. */
export function nodeLine(path: ByteName, node: Node, { long, humanReadable }: NodeLineOptions): string {
  const name = printableName(path)
  if (!long) return name
  const bytes = node.type === 'file' ? (node.size ?? 0) : 0
  const size = humanReadable ? formatBytes(bytes).padStart(8) : bytes.toString().padStart(8)
  const owner = `${node.uid.toString().padStart(5)} ${node.gid.toString().padStart(5)}`
  const target = node.type === 'symlink' ? ` -> ${printableName(node.linktarget ?? '')}` : ''
  return `${nodeModeText(node)} ${owner} ${size} ${formatTime(node.mtime ?? goZeroTime)} ${name}${target}`
}

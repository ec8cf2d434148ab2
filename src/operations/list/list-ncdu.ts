import { permissionsOfGoMode } from '../../model/file-mode.ts'
import { goZeroTime, parseGoTime } from '../../model/go-time.ts'
import type { Node } from '../../model/node.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { encodeGoString } from '../../repository/go-json.ts'
import { encodeSnapshot } from '../../repository/snapshot-json.ts'
import type { ListEvent } from './list-entries.ts'

/** The list as ncdu imports it (`ncdu -f -`; https://dev.yorhel.nl/ncdu/jsonfmt), in pieces of text. */
export async function* ncduText(
  snapshot: Snapshot,
  events: AsyncIterable<ListEvent>,
): AsyncGenerator<string, void, undefined> {
  yield `[1, 2, ${encodeSnapshot(snapshot).toString('utf8')}, [{"name":"/"}`
  let depth = 1
  for await (const event of events) {
    if (event.kind === 'leave') {
      depth--
      yield `\n${'  '.repeat(depth)}]`
    } else if (event.node.type === 'dir') {
      yield `,\n${'  '.repeat(depth)}[\n${'  '.repeat(depth + 1)}${ncduNode(event.node)}`
      depth++
    } else yield `,\n${'  '.repeat(depth)}${ncduNode(event.node)}`
  }
  yield '\n]\n]\n'
}

const blockBytes = 512

function ncduNode(node: Node): string {
  const size = node.type === 'file' ? (node.size ?? 0) : 0
  const special = node.type !== 'dir' && node.type !== 'file'
  const mtime = Math.max(0, parseGoTime(node.mtime ?? goZeroTime).seconds) // ncdu takes no negative times.
  return (
    `{"name":${encodeGoString(node.name)},"asize":${size},"dsize":${Math.ceil(size / blockBytes) * blockBytes}` +
    `,"dev":${node.device_id ?? 0},"ino":${node.inode ?? 0},"nlink":${node.links ?? 0},"notreg":${special}` +
    `,"uid":${node.uid},"gid":${node.gid},"mode":${permissionsOfGoMode(node.mode ?? 0)},"mtime":${mtime}}`
  )
}

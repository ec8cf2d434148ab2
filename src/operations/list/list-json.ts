import type { ByteName } from '../../base/byte-name.ts'
import { goZeroTime } from '../../model/go-time.ts'
import type { Node } from '../../model/node.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { encodeGoString } from '../../repository/go-json.ts'
import { encodeSnapshot } from '../../repository/snapshot-json.ts'
import { modeText } from './mode-text.ts'

/** A snapshot as `restic snapshots --json` shows it. */
export function snapshotJson(snapshot: Snapshot): string {
  return `${withoutEnd(snapshot)},"id":"${snapshot.id}","short_id":"${snapshot.id.slice(0, 8)}"}`
}

/** The first line of `restic ls --json`. */
export function listSnapshotJson(snapshot: Snapshot): string {
  return `${snapshotJson(snapshot).slice(0, -1)},"message_type":"snapshot","struct_type":"snapshot"}`
}

/** A further line of `restic ls --json`. */
export function listNodeJson(path: ByteName, node: Node): string {
  const { mode = 0, inode = 0 } = node
  const parts = [
    `"name":${encodeGoString(node.name)}`,
    `"type":"${node.type}"`,
    `"path":${encodeGoString(path)}`,
    `"uid":${node.uid}`,
    `"gid":${node.gid}`,
  ]
  if (node.type === 'file') parts.push(`"size":${node.size ?? 0}`)
  if (mode !== 0) parts.push(`"mode":${mode}`)
  parts.push(`"permissions":"${modeText(mode)}"`)
  for (const key of ['mtime', 'atime', 'ctime'] as const) parts.push(`"${key}":"${node[key] ?? goZeroTime}"`)
  if (inode !== 0) parts.push(`"inode":${inode}`)
  return `{${parts.join(',')},"message_type":"node","struct_type":"node"}`
}

function withoutEnd(snapshot: Snapshot): string {
  return encodeSnapshot(snapshot).toString('utf8').slice(0, -1)
}

import type { ByteName } from '../../base/byte-name.ts'
import { goZeroTime } from '../../model/go-time.ts'
import type { Id } from '../../model/id.ts'
import type { Node } from '../../model/node.ts'
import { encodeGoString } from '../../repository/go-json.ts'
import type { FoundObject } from './find-objects.ts'
import { modeText } from './mode-text.ts'

/** A found entry as `restic find --json` shows it. */
export function findMatchJson(path: ByteName, node: Node): string {
  const parts = [
    `"path":${encodeGoString(path)}`,
    `"permissions":"${modeText(node.mode ?? 0)}"`,
    `"type":"${node.type}"`,
  ]
  if (node.mode) parts.push(`"mode":${node.mode}`)
  for (const key of ['mtime', 'atime', 'ctime'] as const) parts.push(`"${key}":"${node[key] ?? goZeroTime}"`)
  parts.push(`"uid":${node.uid}`, `"gid":${node.gid}`)
  for (const key of ['user', 'group'] as const) if (node[key]) parts.push(`"${key}":${encodeGoString(node[key])}`)
  for (const key of ['inode', 'device_id', 'size', 'links'] as const) if (node[key]) parts.push(`"${key}":${node[key]}`)
  if (node.linktarget) parts.push(`"linktarget":${encodeGoString(node.linktarget)}`)
  if (node.error) parts.push(`"error":${encodeGoString(node.error)}`)
  return `{${parts.join(',')}}`
}

/** All that was found in one snapshot; `restic find --json` shows a list of these. */
export function findSnapshotJson(snapshotId: Id, matches: readonly string[]): string {
  return `{"matches":[${matches.join(',')}],"hits":${matches.length},"snapshot":"${snapshotId}"}`
}

/** A found blob as `restic find --json --blob` shows it, in one list over all snapshots. */
export function findObjectJson(found: FoundObject): string {
  const { type, id, path, parentTree, snapshot } = found
  const parent = parentTree === undefined ? '' : `,"parent_tree":"${parentTree}"`
  const word = type === 'data' ? 'blob' : 'tree'
  return (
    `{"object_type":"${word}","id":"${id}","path":${encodeGoString(path)}${parent}` +
    `,"snapshot":"${snapshot.id}","time":"${snapshot.time}"}`
  )
}

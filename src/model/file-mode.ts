import type { NodeType } from './node.ts'

/** Type bits of Go's os.FileMode, as restic stores them in a node's `mode`. */
const goTypes = {
  file: 0,
  dir: 0x8000_0000,
  symlink: 0x0800_0000,
  dev: 0x0400_0000,
  chardev: 0x0420_0000,
  fifo: 0x0200_0000,
  socket: 0x0100_0000,
  irregular: 0x0008_0000,
} as const satisfies Record<NodeType, number>

const goSetUid = 0x0080_0000
const goSetGid = 0x0040_0000
const goSticky = 0x0010_0000

/**
 * Go's os.FileMode of a file of this type: `permissions` are the twelve bits that chmod(2) takes (further bits, as in
 * st_mode, are ignored); Go has the set-id and sticky bits at places of its own.
 */
export function goMode(type: NodeType, permissions: number): number {
  const special =
    (permissions & 0o4000 ? goSetUid : 0) |
    (permissions & 0o2000 ? goSetGid : 0) |
    (permissions & 0o1000 ? goSticky : 0)
  return goTypes[type] + special + (permissions & 0o777)
}

/** The twelve bits that chmod(2) takes, from Go's os.FileMode. */
export function permissionsOfGoMode(mode: number): number {
  return (
    (mode & 0o777) | (mode & goSetUid ? 0o4000 : 0) | (mode & goSetGid ? 0o2000 : 0) | (mode & goSticky ? 0o1000 : 0)
  )
}

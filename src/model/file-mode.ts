import type { NodeType } from './node.ts'

/** Type bits of st_mode (POSIX), the same on every Linux. */
export const statTypeMask = 0o170000
const statTypes = {
  file: 0o100000,
  dir: 0o040000,
  symlink: 0o120000,
  dev: 0o060000,
  chardev: 0o020000,
  fifo: 0o010000,
  socket: 0o140000,
} as const satisfies Partial<Record<NodeType, number>>

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

/** The type of node that st_mode stands for. */
export function typeOfStatMode(mode: number): NodeType {
  switch (mode & statTypeMask) {
    case statTypes.file:
      return 'file'
    case statTypes.dir:
      return 'dir'
    case statTypes.symlink:
      return 'symlink'
    case statTypes.dev:
      return 'dev'
    case statTypes.chardev:
      return 'chardev'
    case statTypes.fifo:
      return 'fifo'
    case statTypes.socket:
      return 'socket'
    default:
      return 'irregular'
  }
}

/** st_mode as Go's os.FileMode: nine permission bits, the type and the three set-id and sticky bits at Go's places. */
export function goModeOfStatMode(mode: number): number {
  const special =
    (mode & 0o4000 ? goSetUid : 0) + (mode & 0o2000 ? goSetGid : 0) + (mode & 0o1000 ? goSticky : 0) + (mode & 0o777)
  return goTypes[typeOfStatMode(mode)] + special
}

/** The twelve bits that chmod(2) takes, from Go's os.FileMode. */
export function permissionsOfGoMode(mode: number): number {
  return (
    (mode & 0o777) | (mode & goSetUid ? 0o4000 : 0) | (mode & goSetGid ? 0o2000 : 0) | (mode & goSticky ? 0o1000 : 0)
  )
}

/** The type bits that mknod(2) takes for a node of this type; undefined for what mknod(2) is not the way to make. */
export function makeNodeType(type: NodeType): number | undefined {
  return type === 'fifo' || type === 'dev' || type === 'chardev' ? statTypes[type] : undefined
}

import type { ByteName } from '../base/byte-name.ts'
import type { Id } from './id.ts'

/** Types of a node, in restic's words. */
export const nodeTypes = ['file', 'dir', 'symlink', 'dev', 'chardev', 'fifo', 'socket', 'irregular'] as const
export type NodeType = (typeof nodeTypes)[number]

/** One extended attribute. POSIX ACLs are such attributes too (system.posix_acl_access and _default). */
export interface ExtendedAttribute {
  readonly name: ByteName
  /** Base64 of the value; null stands for an empty one, as Go writes it. */
  readonly value: string | null
}

/**
 * One entry of a tree: restic's node (restic doc/design.rst, "Trees and Data"). Every field is as restic's JSON
 * has it, but `name` and `linktarget`, which are ByteNames here and quoted there.
 */
export interface Node {
  readonly name: ByteName
  readonly type: NodeType
  /** Go's os.FileMode: permission bits 0o777, and type and set-id bits at its own places (see model/file-mode.ts). */
  readonly mode?: number
  /** RFC 3339 with up to nine decimals of a second, as Go writes it. */
  readonly mtime?: string
  readonly atime?: string
  readonly ctime?: string
  readonly uid: number
  readonly gid: number
  readonly user?: string
  readonly group?: string
  /** A bigint only where a number would lose digits. */
  readonly inode?: number | bigint
  readonly device_id?: number | bigint
  /** Bytes. */
  readonly size?: number
  readonly links?: number
  readonly linktarget?: ByteName
  readonly extended_attributes?: readonly ExtendedAttribute[]
  readonly generic_attributes?: Readonly<Record<string, unknown>>
  /** rdev of a device node. */
  readonly device?: number | bigint
  /** Ids of the data blobs; null for everything but a file. */
  readonly content: readonly Id[] | null
  readonly subtree?: Id
  /** What went wrong when the node was saved; written by old restic only. */
  readonly error?: string
}

/** A directory: its nodes in the order of their names' bytes. */
export interface Tree {
  readonly nodes: readonly Node[]
}

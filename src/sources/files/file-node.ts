import type { ByteName } from '../../base/byte-name.ts'
import { decodeName } from '../../base/byte-name.ts'
import { goMode } from '../../model/file-mode.ts'
import { formatGoTime } from '../../model/go-time.ts'
import type { Id } from '../../model/id.ts'
import type { ExtendedAttribute, Node } from '../../model/node.ts'
import { type CString, cString } from '../../posix/c-string.ts'
import {
  type AttributeHolder,
  getAttribute,
  listAttributes,
  pathThroughDescriptor,
} from '../../posix/extended-attributes.ts'
import { readLinkAt } from '../../posix/link.ts'
import type { OwnerNames } from '../../posix/owner-names.ts'
import type { FileStat } from '../../posix/stat.ts'
import { type Gap, gapOfError } from './gap.ts'

/** What a node holds besides the state of its file. */
export interface NodeDetails {
  readonly linkTarget?: ByteName
  readonly extendedAttributes?: readonly ExtendedAttribute[]
  /** Of a file: its chunks. */
  readonly content?: readonly Id[]
  /** Of a directory. */
  readonly subtree?: Id
}

export interface NodeOptions {
  readonly owners: OwnerNames
  /** Whether the access time is stored; without it restic, and so this, stores the time of change in its place. */
  readonly withAtime: boolean
}

/**
 * The node that restic would make of this file, but that times are told in UTC whatever the machine's time zone:
 * restic writes the same moments with the zone's offset, so its trees have the same names as ours where the zone is
 * UTC. The device's number is stored for every file, as restic does by default.
 */
export function nodeFromStat(name: ByteName, stat: FileStat, details: NodeDetails, options: NodeOptions): Node {
  const { type } = stat
  const mtime = formatGoTime(stat.mtimeSeconds, stat.mtimeNanoseconds)
  // Assigned one by one and not spread: this runs once for every file of every backup, and is four times as fast so.
  const node: Writable<Node> = {
    name,
    type,
    mode: goMode(type, stat.mode),
    mtime,
    atime: options.withAtime ? formatGoTime(stat.atimeSeconds, stat.atimeNanoseconds) : mtime,
    ctime: formatGoTime(stat.ctimeSeconds, stat.ctimeNanoseconds),
    uid: stat.uid,
    gid: stat.gid,
    inode: stat.inode,
    device_id: stat.deviceId,
    content: type === 'file' ? (details.content ?? noContent) : null,
  }
  const user = options.owners.user(stat.uid)
  const group = options.owners.group(stat.gid)
  if (user !== '') node.user = user
  if (group !== '') node.group = group
  if (type === 'file') node.size = stat.size
  if (type !== 'dir' && type !== 'fifo') node.links = stat.links
  if (type === 'dev' || type === 'chardev') node.device = stat.device
  const { linkTarget, extendedAttributes, subtree } = details
  if (linkTarget !== undefined) node.linktarget = linkTarget
  if (extendedAttributes !== undefined && extendedAttributes.length > 0) node.extended_attributes = extendedAttributes
  if (subtree !== undefined) node.subtree = subtree
  return node
}

type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] }

const noContent: readonly Id[] = []

export interface EntryDetails {
  readonly details: NodeDetails
  readonly gaps: readonly Gap[]
}

/**
 * Reads what stat(2) does not tell of an entry: a symlink's target and the extended attributes. `fd` is a descriptor
 * of the entry itself, where the caller has one: that is quicker, and certain to be the same file. Attributes that can
 * not be read are a gap. Throws SystemError where a link's target can not be read.
 */
export function readDetails(
  entry: {
    readonly directoryFd: number
    readonly name: ByteName
    readonly type: FileStat['type']
    readonly fd?: number
  },
  path: ByteName,
): EntryDetails {
  const name = cString(entry.name)
  const linkTarget = entry.type === 'symlink' ? readLinkAt(entry.directoryFd, name) : undefined
  const holder = entry.fd === undefined ? { path: pathThroughDescriptor(entry.directoryFd, name) } : { fd: entry.fd }
  const { attributes, gaps } = readAttributes(holder, path)
  return {
    details: {
      ...(linkTarget === undefined ? undefined : { linkTarget }),
      ...(attributes.length === 0 ? undefined : { extendedAttributes: attributes }),
    },
    gaps,
  }
}

/** The extended attributes in the order of the system, POSIX ACLs among them. What can not be read is a gap. */
export function readAttributes(
  holder: AttributeHolder,
  path: ByteName,
): { readonly attributes: readonly ExtendedAttribute[]; readonly gaps: readonly Gap[] } {
  let names: CString[]
  try {
    names = listAttributes(holder)
  } catch (error) {
    return { attributes: none, gaps: [attributeGap(path, error)] }
  }
  if (names.length === 0) return noAttributes
  const attributes: ExtendedAttribute[] = []
  const gaps: Gap[] = []
  for (const name of names) {
    try {
      const value = getAttribute(holder, name)
      if (value === undefined) continue // It went away since it was listed.
      attributes.push({ name: decodeName(name.subarray(0, -1)), value: value.toString('base64') })
    } catch (error) {
      gaps.push(attributeGap(path, error))
    }
  }
  return { attributes, gaps }
}

const none: readonly ExtendedAttribute[] = []
const noAttributes = { attributes: none, gaps: [] } as const

function attributeGap(path: ByteName, error: unknown): Gap {
  return { ...gapOfError(path, error), reason: 'metadata' }
}

import { type ByteName, encodeName } from '../../base/byte-name.ts'
import { errorMessage } from '../../base/error-message.ts'
import { permissionsOfGoMode } from '../../model/file-mode.ts'
import { parseGoTime } from '../../model/go-time.ts'
import type { ExtendedAttribute, Node } from '../../model/node.ts'
import { type CString, cString } from '../../posix/c-string.ts'
import {
  type AttributeHolder,
  listAttributes,
  pathThroughDescriptor,
  removeAttribute,
  setAttribute,
} from '../../posix/extended-attributes.ts'
import { libc } from '../../posix/libc.ts'
import { type MetadataPlace, setOwner, setPermissions, setTimes } from '../../posix/set-metadata.ts'
import { isSystemError } from '../../posix/system-error.ts'

/** A piece of metadata that could not be set as the snapshot has it. */
export interface MetadataProblem {
  readonly what: 'owner' | 'mode' | 'times' | 'attribute'
  readonly detail: string
}

const setIdBits = 0o6000

/**
 * Gives a restored entry the metadata of its node, in the order in which one does not undo the other: the owner (which
 * takes set-id bits and file capabilities away), the extended attributes (of which ACLs change the mode), the mode, the
 * times. Attributes that the node has not are removed, such as an ACL that a new file inherited from its directory;
 * labels of security modules are left to the machine. Everything is tried; what failed is answered.
 *
 * Who is not root can give files to nobody else: that is no problem to be told, as in restic. But a file that did not
 * get its owner does not get its set-id bits either: they would lend the rights of the wrong user.
 */
export function applyMetadata(place: MetadataPlace, node: Node): MetadataProblem[] {
  const problems: MetadataProblem[] = []
  const attempt = (what: MetadataProblem['what'], action: () => void): boolean => {
    try {
      action()
      return true
    } catch (error) {
      const isExpected = what === 'owner' && isSystemError(error, 'EPERM') && libc.geteuid() !== 0
      if (!isExpected) problems.push({ what, detail: errorMessage(error) })
      return false
    }
  }
  const isOwnerSet = attempt('owner', () => setOwner(place, node))
  applyAttributes(place, node.extended_attributes ?? [], attempt)
  if (node.type !== 'symlink') {
    const permissions = permissionsOfGoMode(node.mode ?? 0)
    attempt('mode', () => setPermissions(place, isOwnerSet ? permissions : permissions & ~setIdBits))
  }
  attempt('times', () => applyTimes(place, node))
  return problems
}

type Attempt = (what: MetadataProblem['what'], action: () => void) => boolean

function applyAttributes(place: MetadataPlace, wanted: readonly ExtendedAttribute[], attempt: Attempt): void {
  const holder: AttributeHolder = 'fd' in place ? place : { path: pathThroughDescriptor(place.directoryFd, place.name) }
  let present: CString[] = []
  attempt('attribute', () => {
    present = listAttributes(holder)
  })
  if (present.length === 0 && wanted.length === 0) return
  const wantedNames = wanted.map((attribute) => encodeName(attribute.name))
  for (const name of present) {
    const bytes = name.subarray(0, -1)
    if (isRemovable(bytes) && !wantedNames.some((other) => other.equals(bytes))) {
      attempt('attribute', () => removeAttribute(holder, name))
    }
  }
  for (const { name, value } of wanted) {
    attempt('attribute', () => setNamed(holder, name, value))
  }
}

function setNamed(holder: AttributeHolder, name: ByteName, value: string | null): void {
  try {
    setAttribute(holder, cString(name), Buffer.from(value ?? '', 'base64'))
  } catch (error) {
    throw new Error(`extended attribute "${name}"`, { cause: error })
  }
}

/** Whether an attribute belongs to the file's content or its rights, and not to the machine it lies on. */
export function isRemovable(name: Uint8Array): boolean {
  const text = Buffer.from(name).toString('latin1')
  return (
    text.startsWith('user.') ||
    text.startsWith('trusted.') ||
    text.startsWith('system.posix_acl_') ||
    text === 'security.capability'
  )
}

function applyTimes(place: MetadataPlace, node: Node): void {
  if (node.mtime === undefined) return
  const mtime = parseGoTime(node.mtime)
  const atime = node.atime === undefined || node.atime === node.mtime ? mtime : parseGoTime(node.atime)
  setTimes(place, {
    atimeSeconds: atime.seconds,
    atimeNanoseconds: atime.nanoseconds,
    mtimeSeconds: mtime.seconds,
    mtimeNanoseconds: mtime.nanoseconds,
  })
}

import type { CString } from './c-string.ts'
import { cString } from './c-string.ts'
import { checked, lastError, libc } from './libc.ts'
import { isSystemError } from './system-error.ts'

/** Linux's own limits: XATTR_LIST_MAX and XATTR_SIZE_MAX. */
const listBytesMax = 65536
const valueBytesMax = 65536
// Filled and copied from within one call.
const scratch = Buffer.alloc(65536)

/**
 * A file whose attributes are meant: an open descriptor (not one that was opened for its path only), or a path,
 * whose last part is not followed where it is a symlink.
 */
export type AttributeHolder = { readonly fd: number } | { readonly path: CString }

/**
 * A path for the system calls that take no directory's descriptor: the name below /proc/self/fd. It holds as long as
 * the descriptor is open, at any depth and whatever is renamed above it.
 */
export function pathThroughDescriptor(dirFd: number, name: CString): CString {
  const folder = Buffer.from(`/proc/self/fd/${dirFd}/`)
  const path = Buffer.allocUnsafeSlow(folder.length + name.length)
  path.set(folder)
  path.set(name, folder.length)
  return path
}

/** Names of the attributes as C strings, in the order of the system; none where the file system has no attributes. Throws SystemError. */
export function listAttributes(holder: AttributeHolder): CString[] {
  const filled =
    'fd' in holder
      ? libc.flistxattr(holder.fd, scratch, listBytesMax)
      : libc.llistxattr(holder.path, scratch, listBytesMax)
  if (filled === 0) return []
  if (filled === -1) {
    const error = lastError('listxattr')
    if (isSystemError(error, 'ENOTSUP', 'ENODATA')) return []
    throw error
  }
  const names: CString[] = []
  for (let at = 0; at < filled; ) {
    const end = scratch.indexOf(0, at) + 1
    names.push(Uint8Array.from(scratch.subarray(at, end)))
    at = end
  }
  return names
}

/** The attribute's value; undefined where it is not there (any more). Throws SystemError. */
export function getAttribute(holder: AttributeHolder, name: CString): Buffer | undefined {
  const length =
    'fd' in holder
      ? libc.fgetxattr(holder.fd, name, scratch, valueBytesMax)
      : libc.lgetxattr(holder.path, name, scratch, valueBytesMax)
  if (length !== -1) return Buffer.from(scratch.subarray(0, length))
  const error = lastError('getxattr')
  if (isSystemError(error, 'ENODATA', 'ENOTSUP')) return undefined
  throw error
}

/** Sets an attribute, new or not. Throws SystemError. */
export function setAttribute(holder: AttributeHolder, name: CString, value: Uint8Array): void {
  // An empty value still wants an address that is one.
  const bytes = value.length === 0 ? emptyValue : value
  checked(
    'setxattr',
    'fd' in holder
      ? libc.fsetxattr(holder.fd, name, bytes, value.length, 0)
      : libc.lsetxattr(holder.path, name, bytes, value.length, 0),
  )
}

/** Removes an attribute. Throws SystemError, ENODATA where it is not there. */
export function removeAttribute(holder: AttributeHolder, name: CString): void {
  checked('removexattr', 'fd' in holder ? libc.fremovexattr(holder.fd, name) : libc.lremovexattr(holder.path, name))
}

const emptyValue = cString('')

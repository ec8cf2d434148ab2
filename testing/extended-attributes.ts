import koffi from 'koffi'

/**
 * Extended attributes, bound here a second time on purpose: tests compare what the program did with what the
 * system says, and not with what the program's own binding says.
 */
const libc = koffi.load('libc.so.6')
const lsetxattr = libc.func(
  'int lsetxattr(const void *path, const char *name, const void *value, size_t size, int flags)',
)
const lgetxattr = libc.func('int64_t lgetxattr(const void *path, const char *name, _Out_ void *value, size_t size)')
const llistxattr = libc.func('int64_t llistxattr(const void *path, _Out_ void *list, size_t size)')

const valueBytesMax = 64 * 1024 // The kernel's own limit.

/** Sets one; Error with the attribute's name where the file system refuses. */
export function setAttribute(path: Buffer, name: string, value: Uint8Array): void {
  if (lsetxattr(terminated(path), name, value, value.length, 0) === 0) return
  throw new Error(`Cannot set attribute "${name}" of "${path.toString()}": errno ${koffi.errno()}`)
}

/** All that the user may list, by name in the order of names, values in hexadecimal; none where the file system has no attributes. */
export function attributesOf(path: Buffer): Readonly<Record<string, string>> {
  const list = Buffer.alloc(valueBytesMax)
  const listed = Number(llistxattr(terminated(path), list, list.length))
  if (listed <= 0) return {}
  const names = list
    .toString('latin1', 0, listed - 1)
    .split('\0')
    .toSorted()
  return Object.fromEntries(
    names.map((name) => {
      const value = Buffer.alloc(valueBytesMax)
      const length = Number(lgetxattr(terminated(path), name, value, value.length))
      return [name, length < 0 ? `errno ${koffi.errno()}` : value.toString('hex', 0, length)]
    }),
  )
}

/** A POSIX ACL as the kernel takes it: user::rwx, user:<uid>:r-x, group::r-x, mask::rwx, other::r--. */
export function accessAcl(uid: number): Buffer {
  const entries: [tag: number, permissions: number, id: number][] = [
    [0x01, 7, 0xffffffff],
    [0x02, 5, uid],
    [0x04, 5, 0xffffffff],
    [0x10, 7, 0xffffffff],
    [0x20, 4, 0xffffffff],
  ]
  const acl = Buffer.alloc(4 + entries.length * 8)
  acl.writeUInt32LE(2, 0)
  for (const [index, [tag, permissions, id]] of entries.entries()) {
    acl.writeUInt16LE(tag, 4 + index * 8)
    acl.writeUInt16LE(permissions, 6 + index * 8)
    acl.writeUInt32LE(id, 8 + index * 8)
  }
  return acl
}

function terminated(path: Buffer): Buffer {
  return Buffer.concat([path, Buffer.of(0)])
}

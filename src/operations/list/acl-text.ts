/** Tags of Linux's binary form of a POSIX ACL (linux/posix_acl_xattr.h), and the words of its text form. */
const words = new Map([
  [0x01, 'user'],
  [0x02, 'user'],
  [0x04, 'group'],
  [0x08, 'group'],
  [0x10, 'mask'],
  [0x20, 'other'],
])
const namedTags = new Set([0x02, 0x08])
const version = 2
const entryBytes = 8

/** The text form of an ACL attribute ("user::rw-" and so on, a line each); undefined for bytes of another form. */
export function aclText(bytes: Buffer): string | undefined {
  if (bytes.length < 4 || (bytes.length - 4) % entryBytes !== 0 || bytes.readUInt32LE(0) !== version) return undefined
  let text = ''
  for (let at = 4; at < bytes.length; at += entryBytes) {
    const tag = bytes.readUInt16LE(at)
    const word = words.get(tag)
    if (word === undefined) return undefined
    const permissions = bytes.readUInt16LE(at + 2)
    const letters = `${permissions & 4 ? 'r' : '-'}${permissions & 2 ? 'w' : '-'}${permissions & 1 ? 'x' : '-'}`
    text += `${word}:${namedTags.has(tag) ? bytes.readUInt32LE(at + 4) : ''}:${letters}\n`
  }
  return text
}

import { type ByteName, encodeName } from '../../base/byte-name.ts'
import { goZeroTime, parseGoTime } from '../../model/go-time.ts'
import type { Node } from '../../model/node.ts'
import { aclText } from './acl-text.ts'

/** Bytes that a plain header has for a name or a target, and for the names of user and group. */
export const tarNameBytesMax = 100
export const tarOwnerBytesMax = 31

/** The records of POSIX's pax header for an entry: all that its plain header can not hold. */
export function paxRecords(name: ByteName, node: Node): Buffer {
  const records: Buffer[] = []
  const add = (key: string, value: string | Buffer): void => {
    records.push(paxRecord(Buffer.from(key, 'utf8'), typeof value === 'string' ? Buffer.from(value, 'utf8') : value))
  }
  const target = node.linktarget ?? ''
  const nameBytes = encodeName(name)
  const targetBytes = encodeName(target)
  if (!fits(name, nameBytes, tarNameBytesMax)) add('path', nameBytes)
  if (!fits(target, targetBytes, tarNameBytesMax)) add('linkpath', targetBytes)
  if (node.type === 'file' && (node.size ?? 0) > 0o77777777777) add('size', String(node.size))
  if (node.uid > 0o7777777) add('uid', String(node.uid))
  if (node.gid > 0o7777777) add('gid', String(node.gid))
  for (const [key, text] of [
    ['uname', node.user ?? ''],
    ['gname', node.group ?? ''],
  ] as const) {
    if (!fits(text, Buffer.from(text), tarOwnerBytesMax)) add(key, text)
  }
  for (const key of ['mtime', 'atime', 'ctime'] as const) add(key, paxTime(node[key] ?? goZeroTime))
  for (const { name: key, value } of node.extended_attributes ?? []) {
    const bytes = Buffer.from(value ?? '', 'base64')
    const acl = aclKeys[key]
    const text = acl === undefined ? undefined : aclText(bytes)
    if (acl !== undefined && text !== undefined) add(acl, text)
    else add(`SCHILY.xattr.${key.replaceAll('%', '%25').replaceAll('=', '%3D')}`, bytes)
  }
  return Buffer.concat(records)
}

/**
 * Whether a plain header can hold it: no more bytes than its field has, and ASCII, or bytes that are no UTF-8. Those
 * would be wrong in a pax record, whose text is UTF-8; longer ones are put there all the same, as GNU tar does.
 */
function fits(text: string, bytes: Buffer, bytesMax: number): boolean {
  return bytes.length <= bytesMax && (text.length === bytes.length || !text.isWellFormed())
}

const aclKeys: Readonly<Record<string, string>> = {
  'system.posix_acl_access': 'SCHILY.acl.access',
  'system.posix_acl_default': 'SCHILY.acl.default',
}

/** "<length> <key>=<value>\n", where the length counts itself. */
function paxRecord(key: Buffer, value: Buffer): Buffer {
  const inner = key.length + value.length + 3
  let length = inner + String(inner).length
  if (String(length).length > String(inner).length) length++
  return Buffer.concat([Buffer.from(`${length} `), key, Buffer.from('='), value, Buffer.from('\n')])
}

/** Seconds with decimals; before 1970 the decimals count away from zero. */
function paxTime(text: string): string {
  const { seconds, nanoseconds } = parseGoTime(text)
  const negative = seconds < 0
  const whole = negative && nanoseconds > 0 ? -(seconds + 1) : Math.abs(seconds)
  const fraction = negative && nanoseconds > 0 ? 1_000_000_000 - nanoseconds : nanoseconds
  const decimals = fraction === 0 ? '' : `.${String(fraction).padStart(9, '0').replace(/0+$/, '')}`
  return `${negative ? '-' : ''}${whole}${decimals}`
}

import { decodeName, encodeName } from '../base/byte-name.ts'
import type { ExtendedAttribute, Node } from '../model/node.ts'
import { goZeroTime } from '../model/go-time.ts'
import { encodeGoBytes, encodeGoString, encodeGoValue } from './go-json.ts'
import { goQuote } from './go-quote.ts'

/** JSON of one node, byte for byte as restic writes it: members in this order, zeros left out where restic leaves them out. */
export function encodeNode(node: Node): string {
  let text =
    `{"name":${encodeGoString(goQuote(node.name))},"type":"${node.type}"` +
    (node.mode ? `,"mode":${node.mode}` : '') +
    `,"mtime":"${node.mtime ?? goZeroTime}","atime":"${node.atime ?? goZeroTime}","ctime":"${node.ctime ?? goZeroTime}"` +
    `,"uid":${node.uid},"gid":${node.gid}`
  if (node.user) text += `,"user":${encodeGoString(node.user)}`
  if (node.group) text += `,"group":${encodeGoString(node.group)}`
  if (node.inode) text += `,"inode":${node.inode}`
  if (node.device_id) text += `,"device_id":${node.device_id}`
  if (node.size) text += `,"size":${node.size}`
  if (node.links) text += `,"links":${node.links}`
  if (node.linktarget) text += encodeLinkTarget(node.linktarget)
  if (node.extended_attributes?.length)
    text += `,"extended_attributes":[${node.extended_attributes.map(encodeAttribute).join(',')}]`
  if (node.generic_attributes !== undefined) text += encodeGenericAttributes(node.generic_attributes)
  if (node.device) text += `,"device":${node.device}`
  text += `,"content":${encodeContent(node.content)}`
  if (node.subtree !== undefined) text += `,"subtree":"${node.subtree}"`
  if (node.error) text += `,"error":${encodeGoString(node.error)}`
  return `${text}}`
}

function encodeContent(content: Node['content']): string {
  if (content === null) return 'null'
  return content.length === 0 ? '[]' : `["${content.length === 1 ? content[0] : content.join('","')}"]`
}

/** A target that is not UTF-8 is kept in a member of its own; the first then holds what Go makes of such bytes. */
function encodeLinkTarget(target: string): string {
  const text = `,"linktarget":${encodeGoString(target)}`
  if (target.isWellFormed()) return text
  return `${text},"linktarget_raw":${encodeGoBytes(encodeName(target))}`
}

function encodeAttribute(attribute: ExtendedAttribute): string {
  const value = attribute.value === null ? 'null' : `"${attribute.value}"`
  return `{"name":${encodeGoString(attribute.name)},"value":${value}}`
}

function encodeGenericAttributes(attributes: Readonly<Record<string, unknown>>): string {
  const keys = Object.keys(attributes).sort()
  if (keys.length === 0) return ''
  return `,"generic_attributes":{${keys.map((key) => `${encodeGoString(key)}:${encodeGoValue(attributes[key])}`).join(',')}}`
}

/** The target behind "linktarget_raw". */
export function decodeLinkTarget(raw: string): string {
  return decodeName(Buffer.from(raw, 'base64'))
}

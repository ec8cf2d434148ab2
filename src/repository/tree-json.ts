import { compareNames } from '../base/byte-name.ts'
import { Failure } from '../base/failure.ts'
import { isId } from '../model/id.ts'
import { type Node, nodeTypes, type Tree } from '../model/node.ts'
import { isGoTime } from '../model/go-time.ts'
import { goUnquote } from './go-quote.ts'
import { parseJson } from './json-reader.ts'
import { decodeLinkTarget, encodeNode } from './node-json.ts'

/**
 * The plaintext of a tree blob, byte for byte as restic writes it. The nodes must be in the order of their names'
 * bytes, each name once: Failure `defect` otherwise, since such a tree would have a name that restic never gives.
 */
export function encodeTree(nodes: readonly Node[]): Buffer {
  const parts: string[] = []
  let last = ''
  for (const { name } of nodes) {
    if (compareNames(last, name) >= 0) {
      throw new Failure('defect', `Cannot write a tree: node ${JSON.stringify(name)} follows ${JSON.stringify(last)}`)
    }
    last = name
  }
  for (const node of nodes) parts.push(encodeNode(node))
  return Buffer.from(`{"nodes":[${parts.join(',')}]}\n`, 'utf8')
}

/** The tree behind the plaintext of a tree blob; Failure `repository_damaged` where it is none. Names may still be unsafe to create. */
export function decodeTree(bytes: Uint8Array, what = 'a tree'): Tree {
  const parsed = parseJson(bytes, what)
  try {
    return { nodes: nodesOf(parsed).map(decodeNode) }
  } catch (error) {
    if (error !== largeNumber) throw asDamaged(error, what)
  }
  try {
    return { nodes: nodesOf(parseExactly(bytes)).map(decodeNode) }
  } catch (error) {
    throw asDamaged(error, what)
  }
}

/** Thrown where a number has lost digits in JSON.parse: rare, so the text is then parsed once more, slower. */
const largeNumber = Symbol('a number above 2^53')

/** Why a tree is not one, within this file. */
class Damage extends Error {}

function asDamaged(error: unknown, what: string): unknown {
  if (error === largeNumber)
    return new Failure('repository_damaged', `Cannot read ${what}: a number has too many digits`)
  if (error instanceof Damage) return new Failure('repository_damaged', `Cannot read ${what}: ${error.message}`)
  if (error instanceof Failure)
    return new Failure(error.code, `Cannot read ${what}: ${error.message}`, { cause: error })
  return error
}

function nodesOf(parsed: unknown): unknown[] {
  const nodes = typeof parsed === 'object' && parsed !== null && 'nodes' in parsed ? parsed.nodes : undefined
  if (nodes === null) return []
  if (!Array.isArray(nodes)) throw new Damage('it has no list of nodes')
  return nodes
}

/** JSON.parse, but with every whole number that a double can not hold as a bigint. */
function parseExactly(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  return JSON.parse(text, keepLargeNumber as (key: string, value: unknown) => unknown)
}

/** Node gives a reviver the number's own text as a third argument; the type library does not know that yet. */
function keepLargeNumber(_key: string, value: unknown, context: { readonly source: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  return /^\d{1,20}$/.test(context.source) ? BigInt(context.source) : value
}

const types: ReadonlySet<string> = new Set(nodeTypes)

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/**
 * Checks one parsed node and turns it in place into the model's. JSON.parse gives the nodes of a tree the same
 * hidden shape; copying them would cost more than parsing did.
 */
function decodeNode(value: unknown): Node {
  if (typeof value !== 'object' || value === null) throw new Damage('a node is not an object')
  const node = value as Mutable<Node> & { linktarget_raw?: unknown }
  if (typeof node.name !== 'string') throw new Damage('a node has no name')
  if (node.name.includes('\\') || node.name.includes('"') || node.name.includes('\n')) node.name = goUnquote(node.name)
  if (!types.has(node.type)) throw wrong(node, 'type')
  checkTimes(node)
  checkNumbers(node)
  if (!isOptionalText(node.user)) throw wrong(node, 'user')
  if (!isOptionalText(node.group)) throw wrong(node, 'group')
  if (!isOptionalText(node.linktarget)) throw wrong(node, 'linktarget')
  if (!isOptionalText(node.error)) throw wrong(node, 'error')
  if (node.linktarget_raw !== undefined) {
    if (typeof node.linktarget_raw !== 'string') throw wrong(node, 'linktarget')
    node.linktarget = decodeLinkTarget(node.linktarget_raw)
    delete node.linktarget_raw
  }
  if (node.extended_attributes !== undefined) checkAttributes(node)
  if (node.content === undefined) node.content = null
  else if (node.content !== null && !(Array.isArray(node.content) && node.content.every(isIdText)))
    throw wrong(node, 'content')
  if (node.subtree === null) delete node.subtree
  if (node.subtree !== undefined && !isIdText(node.subtree)) throw wrong(node, 'subtree')
  return node
}

function checkTimes(node: Mutable<Node>): void {
  const { mtime, atime, ctime } = node
  if (mtime !== undefined && !(typeof mtime === 'string' && isGoTime(mtime))) throw wrong(node, 'mtime')
  if (atime !== undefined && atime !== mtime && !(typeof atime === 'string' && isGoTime(atime)))
    throw wrong(node, 'atime')
  if (ctime !== undefined && ctime !== mtime && !(typeof ctime === 'string' && isGoTime(ctime)))
    throw wrong(node, 'ctime')
}

/** Each member by its own name: loops over names make this several times as slow. */
function checkNumbers(node: Mutable<Node>): void {
  node.uid ??= 0
  node.gid ??= 0
  if (!isCount(node.uid)) throw wrong(node, 'uid')
  if (!isCount(node.gid)) throw wrong(node, 'gid')
  if (node.mode !== undefined && !isCount(node.mode)) throw wrong(node, 'mode')
  if (node.size !== undefined && !isCount(node.size)) throw wrong(node, 'size')
  if (node.links !== undefined && !isCount(node.links)) throw wrong(node, 'links')
  if (node.inode !== undefined && !isCount(node.inode)) checkLarge(node, 'inode')
  if (node.device_id !== undefined && !isCount(node.device_id)) checkLarge(node, 'device_id')
  if (node.device !== undefined && !isCount(node.device)) checkLarge(node, 'device')
}

function checkLarge(node: Mutable<Node>, key: 'inode' | 'device_id' | 'device'): void {
  const value: unknown = node[key]
  if (typeof value === 'bigint') return
  if (typeof value === 'number' && value > 0 && Number.isInteger(value)) throw largeNumber
  throw wrong(node, key)
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && Number.isSafeInteger(value)
}

function isOptionalText(value: unknown): boolean {
  return value === undefined || typeof value === 'string'
}

function checkAttributes(node: Mutable<Node>): void {
  const attributes: unknown = node.extended_attributes
  if (attributes === null) {
    delete node.extended_attributes
    return
  }
  if (!Array.isArray(attributes)) throw wrong(node, 'extended_attributes')
  for (const attribute of attributes as ({ name?: unknown; value?: unknown } | null)[]) {
    if (attribute === null) throw wrong(node, 'extended_attributes')
    attribute.value ??= null
    if (typeof attribute.name !== 'string') throw wrong(node, 'extended_attributes')
    if (attribute.value !== null && typeof attribute.value !== 'string') throw wrong(node, 'extended_attributes')
  }
}

function isIdText(value: unknown): boolean {
  return typeof value === 'string' && isId(value)
}

function wrong(node: Mutable<Node>, key: keyof Node): Damage {
  const found = JSON.stringify(node[key], (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  )
  return new Damage(`"${key}" of node ${JSON.stringify(node.name)} is ${(found ?? 'absent').slice(0, 60)}`)
}

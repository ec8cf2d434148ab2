import { compareMoments, goZeroTime, parseGoTime } from '../../model/go-time.ts'
import type { Node } from '../../model/node.ts'

/** Whether restic holds two nodes to be the same: times by their moments, extended attributes in any order. */
export function equalNodes(a: Node, b: Node): boolean {
  return equalButContent(a, b) && equalContent(a, b)
}

export function equalContent(a: Node, b: Node): boolean {
  if (a.content === null || b.content === null) return a.content === b.content
  return a.content.length === b.content.length && a.content.every((id, index) => id === b.content![index])
}

/** The same without a look at the content of files. */
export function equalButContent(a: Node, b: Node): boolean {
  return (
    texts.every((key) => (a[key] ?? '') === (b[key] ?? '')) &&
    // Where one is a bigint and the other is not, they differ: the same number always has the same form.
    numbers.every((key) => (a[key] ?? 0) === (b[key] ?? 0)) &&
    times.every((key) => equalTimes(a[key], b[key])) &&
    equalAttributes(a, b) &&
    JSON.stringify(a.generic_attributes ?? {}) === JSON.stringify(b.generic_attributes ?? {})
  )
}

const texts = ['name', 'type', 'user', 'group', 'linktarget', 'subtree', 'error'] as const
const numbers = ['mode', 'uid', 'gid', 'inode', 'device_id', 'size', 'links', 'device'] as const
const times = ['mtime', 'atime', 'ctime'] as const

function equalTimes(a: string = goZeroTime, b: string = goZeroTime): boolean {
  return a === b || compareMoments(parseGoTime(a), parseGoTime(b)) === 0
}

function equalAttributes(a: Node, b: Node): boolean {
  const one = a.extended_attributes ?? []
  const other = b.extended_attributes ?? []
  if (one.length !== other.length) return false
  const values = new Map(one.map((attribute) => [attribute.name, attribute.value ?? '']))
  return other.every((attribute) => values.get(attribute.name) === (attribute.value ?? ''))
}

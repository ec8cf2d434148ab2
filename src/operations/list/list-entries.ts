import { type ByteName, compareNames } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import { compareMoments, goZeroTime, parseGoTime } from '../../model/go-time.ts'
import type { Id } from '../../model/id.ts'
import type { Node } from '../../model/node.ts'
import { cleanPath } from './find-path.ts'
import type { TreeSource } from './tree-source.ts'
import { walkTree } from './walk-tree.ts'

/** What `ls` is asked. */
export interface ListRequest {
  readonly treeId: Id
  /** Absolute paths; only these and what is in them are listed. Everything, at any depth, where there are none. */
  readonly directories: readonly ByteName[]
  /** Whether to list what lies deeper in those directories, too. */
  readonly recursive: boolean
}

export type ListEvent =
  | { readonly kind: 'entry'; readonly path: ByteName; readonly node: Node }
  /** A directory on the way to those that were asked for; it is not itself listed. */
  | { readonly kind: 'way'; readonly path: ByteName; readonly node: Node }
  /** The end of a directory that was an 'entry' or a 'way'. */
  | { readonly kind: 'leave'; readonly path: ByteName }

/** Lists a snapshot as restic does. Failure `usage` for a path that is not absolute; a damaged tree is thrown. */
export async function* listEntries(
  source: TreeSource,
  request: ListRequest,
  signal: AbortSignal,
): AsyncGenerator<ListEvent, void, undefined> {
  const relative = request.directories.find((directory) => !directory.startsWith('/'))
  if (relative !== undefined) {
    throw new Failure('usage', `Cannot list "${relative}": expected a path that begins with "/"`)
  }
  const directories = request.directories.map(cleanPath)
  const all = directories.length === 0
  const within = (path: ByteName): boolean => all || directories.some((directory) => isWithin(path, directory))
  const onTheWay = (path: ByteName): boolean => all || directories.some((directory) => isWithin(directory, path))
  const enter = (path: ByteName): boolean => (request.recursive && within(path)) || onTheWay(path)

  for await (const event of walkTree(source, request.treeId, { enter }, signal)) {
    if (event.kind === 'damaged') throw event.failure
    if (event.kind === 'leave') yield event
    else {
      const { path, node } = event
      if (within(path)) yield { kind: 'entry', path, node }
      else if (onTheWay(path)) yield { kind: 'way', path, node }
      if (node.type === 'dir' && !enter(path) && within(path)) yield { kind: 'leave', path }
    }
  }
}

/** Whether the path is the directory itself or lies below it. */
function isWithin(path: ByteName, directory: ByteName): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`)
}

export const listOrders = ['name', 'size', 'time', 'mtime', 'atime', 'ctime', 'extension'] as const
export type ListOrder = (typeof listOrders)[number]

/** An entry of a list that is to be sorted. */
export interface ListedNode {
  readonly path: ByteName
  readonly node: Node
}

/** Sorts entries as restic's `ls --sort` does; 'name' keeps the order of the walk. */
export function sortEntries(entries: readonly ListedNode[], order: ListOrder): ListedNode[] {
  if (order === 'name') return [...entries]
  return entries.toSorted((a, b) => comparisons[order](a, b) || compareNames(a.path, b.path))
}

const comparisons: Record<Exclude<ListOrder, 'name'>, (a: ListedNode, b: ListedNode) => number> = {
  size: (a, b) => sizeOf(a.node) - sizeOf(b.node),
  time: byTime('mtime'),
  mtime: byTime('mtime'),
  atime: byTime('atime'),
  ctime: byTime('ctime'),
  extension: (a, b) => compareNames(extensionOf(a.path), extensionOf(b.path)),
}

function byTime(key: 'mtime' | 'atime' | 'ctime'): (a: ListedNode, b: ListedNode) => number {
  return (a, b) => compareMoments(parseGoTime(a.node[key] ?? goZeroTime), parseGoTime(b.node[key] ?? goZeroTime))
}

function sizeOf(node: Node): number {
  return node.type === 'file' ? (node.size ?? 0) : 0
}

function extensionOf(path: ByteName): string {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const dot = name.lastIndexOf('.')
  return dot < 0 ? '' : name.slice(dot)
}

import type { ByteName } from '../../base/byte-name.ts'
import { errorMessage } from '../../base/error-message.ts'
import { type Failure, type FailureCode, isFailure } from '../../base/failure.ts'
import { throwIfStopped } from '../../base/abort.ts'
import type { Node } from '../../model/node.ts'
import { checkTargetName } from '../../sources/files/target-name.ts'
import type { TreeReader } from '../tree-reader.ts'
import type { EntryTest, RestoreFilter } from './restore-filter.ts'

/** Directories below each other. What is known of a path grows with its depth, and a tree may be made to do harm. */
const depthMax = 2048

/** One entry of the snapshot that is to be restored. */
export interface WalkedEntry {
  /** In the snapshot, for people and for patterns. */
  readonly path: ByteName
  readonly node: Node
  /** Names that lead from the target to the directory that it goes into; one array for all entries of a directory. */
  readonly directory: readonly ByteName[]
}

export type WalkEvent =
  | { readonly kind: 'entry'; readonly entry: WalkedEntry }
  /** All that is in this directory has been told. */
  | { readonly kind: 'leave'; readonly entry: WalkedEntry }
  | { readonly kind: 'problem'; readonly path: ByteName; readonly code: FailureCode; readonly detail: string }

export interface WalkOptions {
  readonly trees: Pick<TreeReader, 'tree'>
  readonly filter: RestoreFilter
}

interface Frame {
  readonly path: ByteName
  readonly directory: readonly ByteName[]
  readonly nodes: readonly Node[]
  readonly test: EntryTest
  /** The directory itself; undefined for where the walk begins. */
  readonly entry: WalkedEntry | undefined
  /** Names told so far; undefined where no name can come twice, as the nodes are in order. */
  readonly names: Set<ByteName> | undefined
  at: number
  isTaken: boolean
}

/**
 * Tells the entries below a place, depth first: a directory before what is in it ("entry"), and once more after it
 * ("leave"). A directory that is only passed through is told when something in it is taken. A tree that can not be
 * read, a name that could lead out of the target, and a name that a directory has twice (of which the first counts)
 * are problems; the rest is told all the same. So each path is told once.
 */
export async function* walkTree(
  start: { readonly path: ByteName; readonly nodes: readonly Node[] },
  options: WalkOptions,
  signal: AbortSignal,
): AsyncGenerator<WalkEvent, void, undefined> {
  const { trees, filter } = options
  const frameOf = (place: Pick<Frame, 'path' | 'directory' | 'nodes' | 'entry' | 'isTaken'>): Frame => ({
    ...place,
    test: filter(place.path),
    names: isInOrder(place.nodes) ? undefined : new Set(),
    at: 0,
  })
  const frames = [frameOf({ path: start.path, nodes: start.nodes, directory: [], entry: undefined, isTaken: true })]
  for (let frame; (frame = frames.at(-1)) !== undefined; ) {
    const node = frame.nodes[frame.at++]
    if (node === undefined) {
      frames.pop()
      if (frame.entry !== undefined && frame.isTaken) yield { kind: 'leave', entry: frame.entry }
      continue
    }
    const path = `${frame.path}/${node.name}`
    const problem = problemOf(node, frame)
    if (problem !== undefined) {
      yield { kind: 'problem', path, ...problem }
      continue
    }
    const isDirectory = node.type === 'dir'
    const verdict = frame.test(node.name, isDirectory)
    if (verdict === 'skip') continue
    const entry = { path, node, directory: frame.directory }
    if (verdict === 'take') {
      yield* passedThrough(frames)
      yield { kind: 'entry', entry }
    }
    if (!isDirectory) continue
    throwIfStopped(signal)
    const below = await nodesOf(entry, trees, signal)
    if ('kind' in below) yield below
    const nodes = 'kind' in below ? [] : below.nodes
    const directory = [...frame.directory, node.name]
    frames.push(frameOf({ path, directory, nodes, entry, isTaken: verdict === 'take' }))
  }
}

/** Tells the directories on the way that were passed through so far. */
function* passedThrough(frames: readonly Frame[]): Generator<WalkEvent, void, undefined> {
  if (frames.at(-1)!.isTaken) return
  for (const frame of frames) {
    if (frame.isTaken || frame.entry === undefined) continue
    frame.isTaken = true
    yield { kind: 'entry', entry: frame.entry }
  }
}

async function nodesOf(
  { node, path }: WalkedEntry,
  trees: WalkOptions['trees'],
  signal: AbortSignal,
): Promise<{ readonly nodes: readonly Node[] } | (WalkEvent & { kind: 'problem' })> {
  if (node.subtree === undefined) {
    return { kind: 'problem', path, code: 'repository_damaged', detail: 'The directory has no subtree' }
  }
  try {
    return await trees.tree(node.subtree, signal)
  } catch (error) {
    if (!isFailure(error, 'repository_damaged') && !isFailure(error, 'object_missing')) throw error
    return { kind: 'problem', path, code: error.code, detail: errorMessage(error) }
  }
}

/** Whether each name comes after the one before; then none comes twice. Odd names may be in order though this says no. */
function isInOrder(nodes: readonly Node[]): boolean {
  for (let at = 1; at < nodes.length; at++) if (nodes[at - 1]!.name >= nodes[at]!.name) return false
  return true
}

/** Why an entry is not restored, whatever is asked for. */
function problemOf(node: Node, frame: Frame): { readonly code: FailureCode; readonly detail: string } | undefined {
  const refused = refusedName(node)
  if (refused !== undefined) return { code: refused.code, detail: refused.message }
  if (frame.names?.has(node.name) === true) {
    return { code: 'repository_damaged', detail: 'Its directory has this name twice; the first is restored' }
  }
  frame.names?.add(node.name)
  if (node.type === 'dir' && frame.directory.length >= depthMax) {
    return { code: 'target_failed', detail: `It lies in more than ${depthMax} directories below each other` }
  }
  return undefined
}

function refusedName(node: Node): Failure | undefined {
  try {
    checkTargetName(node.name)
    return undefined
  } catch (error) {
    if (isFailure(error)) return error
    throw error
  }
}

import type { ByteName } from '../../base/byte-name.ts'
import { errorMessage } from '../../base/error-message.ts'
import { type Failure, type FailureCode, isFailure } from '../../base/failure.ts'
import { throwIfStopped } from '../../base/abort.ts'
import type { Node } from '../../model/node.ts'
import { checkTargetName } from '../../sources/files/target-name.ts'
import type { TreeReader } from '../tree-reader.ts'
import type { RestoreVerdict } from './restore-filter.ts'

/** One entry of the snapshot that is to be restored. */
export interface WalkedEntry {
  /** In the snapshot, for people and for patterns. */
  readonly path: ByteName
  readonly node: Node
  /** Names that lead from the target to the directory that it goes into. */
  readonly directory: readonly ByteName[]
}

export type WalkEvent =
  | { readonly kind: 'entry'; readonly entry: WalkedEntry }
  /** All that is in this directory has been told. */
  | { readonly kind: 'leave'; readonly entry: WalkedEntry }
  | { readonly kind: 'problem'; readonly path: ByteName; readonly code: FailureCode; readonly detail: string }

export interface WalkOptions {
  readonly trees: TreeReader
  readonly filter: (path: ByteName, isDirectory: boolean) => RestoreVerdict
}

interface Frame {
  readonly path: ByteName
  readonly directory: readonly ByteName[]
  readonly nodes: readonly Node[]
  /** The directory itself; undefined for where the walk begins. */
  readonly entry: WalkedEntry | undefined
  at: number
  isTaken: boolean
}

/**
 * Tells the entries below a place, depth first: a directory before what is in it ("entry"), and once more after it
 * ("leave"). A directory that is only passed through is told when something in it is taken. A tree that can not be
 * read, and a name that could lead out of the target, are problems; the rest is told all the same.
 */
export async function* walkTree(
  start: { readonly path: ByteName; readonly nodes: readonly Node[] },
  options: WalkOptions,
  signal: AbortSignal,
): AsyncGenerator<WalkEvent, void, undefined> {
  const frames: Frame[] = [{ ...start, directory: [], entry: undefined, at: 0, isTaken: true }]
  for (let frame; (frame = frames.at(-1)) !== undefined; ) {
    const node = frame.nodes[frame.at++]
    if (node === undefined) {
      frames.pop()
      if (frame.entry !== undefined && frame.isTaken) yield { kind: 'leave', entry: frame.entry }
      continue
    }
    const path = `${frame.path}/${node.name}`
    const refused = refusedName(node)
    if (refused !== undefined) {
      yield { kind: 'problem', path, code: refused.code, detail: refused.message }
      continue
    }
    const isDirectory = node.type === 'dir'
    const verdict = options.filter(path, isDirectory)
    if (verdict === 'skip') continue
    const entry = { path, node, directory: frame.directory }
    if (verdict === 'take') {
      yield* passedThrough(frames)
      yield { kind: 'entry', entry }
    }
    if (!isDirectory) continue
    throwIfStopped(signal)
    const below = await nodesOf(entry, options.trees, signal)
    if ('kind' in below) yield below
    const nodes = 'kind' in below ? [] : below.nodes
    frames.push({ path, directory: [...frame.directory, node.name], nodes, entry, at: 0, isTaken: verdict === 'take' })
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
  trees: TreeReader,
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

function refusedName(node: Node): Failure | undefined {
  try {
    checkTargetName(node.name)
    return undefined
  } catch (error) {
    if (isFailure(error)) return error
    throw error
  }
}

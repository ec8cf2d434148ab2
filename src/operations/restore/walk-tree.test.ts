import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { Failure, type FailureCode, isFailure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import type { Node, Tree } from '../../model/node.ts'
import { node } from '../../../testing/snapshot-builder.ts'
import { type RestoreSelection, restoreFilter } from './restore-filter.ts'
import { walkTree, type WalkEvent } from './walk-tree.ts'

/** Directories as objects, files as null; a FailureCode is a directory that can not be read. */
interface Shape {
  readonly [name: string]: Shape | FailureCode | null
}

class ShapedTrees {
  readonly #trees = new Map<Id, Tree | FailureCode>()
  readonly read: Id[] = []

  nodes(shape: Shape): Node[] {
    return Object.entries(shape).map(([name, content]) => {
      if (content === null) return node('file', name, 0o644)
      const subtree = hash('sha256', `${name} ${this.#trees.size}`)
      this.#trees.set(subtree, typeof content === 'string' ? content : { nodes: this.nodes(content) })
      return { ...node('dir', name, 0o755), subtree }
    })
  }

  async tree(id: Id): Promise<Tree> {
    this.read.push(id)
    const tree = this.#trees.get(id)!
    if (typeof tree === 'string') throw new Failure(tree, 'Cannot read it')
    return tree
  }
}

function line(event: WalkEvent): string {
  if (event.kind === 'problem') return `${event.code} ${event.path}`
  const { path, directory, node: told } = event.entry
  assert.equal(`/${[...directory, told.name].join('/')}`, path)
  return event.kind === 'leave' ? `leave ${path}` : path
}

async function walk(shape: Shape | readonly Node[], selection?: Partial<RestoreSelection>): Promise<string[]> {
  const trees = new ShapedTrees()
  const nodes = Array.isArray(shape) ? (shape as readonly Node[]) : trees.nodes(shape as Shape)
  const filter = restoreFilter(selection && { include: [], exclude: [], ...selection })
  const events = await Array.fromAsync(walkTree({ path: '', nodes }, { trees, filter }, neverStopped()))
  return events.map(line)
}

test('walkTree() tells a directory, then what is in it, then that it is left', async () => {
  assert.deepEqual(await walk({ a: null, d: { e: { f: null }, g: null }, z: {} }), [
    '/a',
    '/d',
    '/d/e',
    '/d/e/f',
    'leave /d/e',
    '/d/g',
    'leave /d',
    '/z',
    'leave /z',
  ])
})

test('walkTree() tells directories that it passes through once, before the first entry in them that is taken', async () => {
  const shape = { a: { b: { x: null, y: null, z: null }, c: { z: null } }, d: { e: { z: null } }, f: { x: null } }
  assert.deepEqual(await walk(shape, { include: ['x', 'y'] }), [
    '/a',
    '/a/b',
    '/a/b/x',
    '/a/b/y',
    'leave /a/b',
    'leave /a',
    '/f',
    '/f/x',
    'leave /f',
  ])
  assert.deepEqual(await walk(shape, { include: ['e'] }), ['/d', '/d/e', '/d/e/z', 'leave /d/e', 'leave /d'])
})

test('walkTree() does not even read what is excluded', async () => {
  const trees = new ShapedTrees()
  const nodes = trees.nodes({ a: { b: null }, c: { d: null } })
  const filter = restoreFilter({ include: [], exclude: ['/a'] })
  const events = await Array.fromAsync(walkTree({ path: '', nodes }, { trees, filter }, neverStopped()))
  assert.deepEqual(events.map(line), ['/c', '/c/d', 'leave /c'])
  assert.deepEqual(trees.read, [nodes[1]!.subtree])
})

test('walkTree() tells trees that can not be read as problems, and goes on', async () => {
  const shape = { a: 'repository_damaged', b: { c: 'object_missing', d: null } } as const
  assert.deepEqual(await walk(shape), [
    '/a',
    'repository_damaged /a',
    'leave /a',
    '/b',
    '/b/c',
    'object_missing /b/c',
    'leave /b/c',
    '/b/d',
    'leave /b',
  ])
  assert.deepEqual(await walk([{ ...node('dir', 'x', 0o755) }]), ['/x', 'repository_damaged /x', 'leave /x'])
})

test('walkTree() fails where a tree can not be read for now', async () => {
  await assert.rejects(walk({ a: 'storage_unreachable' }), (error) => isFailure(error, 'storage_unreachable'))
})

test('walkTree() refuses names that could lead out of the target, and tells nothing below them', async () => {
  const names = ['', '.', '..', '/abs', 'a/b', '../x', 'a\0b', '/']
  for (const name of names) {
    assert.deepEqual(await walk([node('file', 'a', 0o644), node('file', name, 0o644)]), [
      '/a',
      `target_unsafe /${name}`,
    ])
    assert.deepEqual(await walk({ [name]: { inside: null }, z: null }), [`target_unsafe /${name}`, '/z'])
  }
  assert.deepEqual(await walk({ ['é'.repeat(128)]: null }), [`target_failed /${'é'.repeat(128)}`])
  assert.deepEqual(await walk({ ['é'.repeat(127)]: null, '...': null, '..a': null }), [
    `/${'é'.repeat(127)}`,
    '/...',
    '/..a',
  ])
})

test('walkTree() tells a name that a directory has twice once, and the second as a problem', async () => {
  const damaged = 'repository_damaged /a'
  const [file, link, other] = [node('file', 'a', 0o644), node('symlink', 'a', 0o777), node('file', 'b', 0o644)]
  assert.deepEqual(await walk([link, file]), ['/a', damaged])
  assert.deepEqual(await walk([file, other, link, other]), ['/a', '/b', damaged, 'repository_damaged /b'])
  assert.deepEqual(await walk([other, file]), ['/b', '/a'])
  // Two that are in the order of their bytes, though not in that of JavaScript, are two.
  assert.deepEqual(await walk({ '\uffee': null, '😀': null }), ['/\uffee', '/😀'])
})

test('walkTree() goes no deeper than a limit, even into a tree without an end', async () => {
  const again = { ...node('dir', 'd', 0o755), subtree: hash('sha256', 'the same again') }
  const trees = { tree: async () => ({ nodes: [again] }) }
  const events = walkTree({ path: '', nodes: [again] }, { trees, filter: restoreFilter(undefined) }, neverStopped())
  const told = (await Array.fromAsync(events)).map(line)
  assert.equal(told.filter((one) => one.startsWith('/')).length, 2048)
  assert.deepEqual(
    told.filter((one) => one.startsWith('target_failed')),
    [`target_failed ${'/d'.repeat(2049)}`],
  )
})

test('walkTree() stops with its signal', async () => {
  const trees = new ShapedTrees()
  const controller = new AbortController()
  const walking = walkTree(
    { path: '', nodes: trees.nodes({ a: {}, b: {} }) },
    { trees, filter: restoreFilter(undefined) },
    controller.signal,
  )
  assert.equal((await walking.next()).done, false)
  controller.abort()
  await assert.rejects(walking.next(), (error) => isFailure(error, 'stopped'))
})

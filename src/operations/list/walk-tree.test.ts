import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import type { Tree } from '../../model/node.ts'
import { FakeRepository } from './fake-repository.ts'
import { joinPath, type WalkEvent, type WalkOptions, walkTree } from './walk-tree.ts'

const directory = { a: { 'x.txt': 'x', deep: { deeper: { 'y.txt': 'y' } } }, b: 'b', c: {}, d: { 'z.txt': 'z' } }

async function walked(source: FakeRepository, root: Id, options: WalkOptions = {}): Promise<string[]> {
  const lines: string[] = []
  for await (const event of walkTree(source, root, options, neverStopped())) lines.push(`${event.kind} ${event.path}`)
  return lines
}

test('walkTree() tells a directory, then all that is in it, then its end', async () => {
  const source = new FakeRepository()
  assert.deepEqual(await walked(source, source.store(directory)), [
    'node /a',
    'node /a/deep',
    'node /a/deep/deeper',
    'node /a/deep/deeper/y.txt',
    'leave /a/deep/deeper',
    'leave /a/deep',
    'node /a/x.txt',
    'leave /a',
    'node /b',
    'node /c',
    'leave /c',
    'node /d',
    'node /d/z.txt',
    'leave /d',
  ])
  assert.equal(source.treesLoaded, 6)
})

test('walkTree() does not load what it is not to enter', async () => {
  const source = new FakeRepository()
  const root = source.store(directory)
  const lines = await walked(source, root, { enter: (path) => path === '/d', rootPath: '/' })
  assert.deepEqual(lines, ['node /a', 'node /b', 'node /c', 'node /d', 'node /d/z.txt', 'leave /d'])
  assert.equal(source.treesLoaded, 2)
})

test('walkTree() tells a tree that is gone and goes on behind it', async () => {
  const source = new FakeRepository()
  const root = source.store(directory)
  source.remove(new FakeRepository().store(directory.a.deep))
  const lines = await walked(source, root, { rootPath: '/top' })
  assert.deepEqual(lines.slice(0, 5), [
    'node /top/a',
    'node /top/a/deep',
    'damaged /top/a/deep',
    'leave /top/a/deep',
    'node /top/a/x.txt',
  ])
  assert.equal(lines.at(-1), 'leave /top/d')
})

test('walkTree() loads trees ahead, but never more than a few at a time', async () => {
  const inside = new FakeRepository()
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`d${index}`, { [`f${index}`]: 'x' }]))
  const root = inside.store({ one: many, two: { many } })
  let now = 0
  let most = 0
  const source = {
    loadTree: async (id: Id, signal: AbortSignal): Promise<Tree> => {
      most = Math.max(most, ++now)
      await new Promise((resolve) => setImmediate(resolve))
      now--
      return inside.loadTree(id, signal)
    },
  }
  const events: WalkEvent[] = []
  for await (const event of walkTree(source, root, {}, neverStopped())) events.push(event)
  assert.equal(events.filter((event) => event.kind === 'node').length, 403)
  assert.ok(most > 4 && most <= 17, String(most))
})

test('walkTree() stops, and throws every failure that is not damage', async () => {
  const source = new FakeRepository()
  const root = source.store(directory)
  const stopped = AbortSignal.abort()
  await assert.rejects(Array.fromAsync(walkTree(source, root, {}, stopped)), (error) => isFailure(error, 'stopped'))
  const unreachable = {
    loadTree: async (): Promise<Tree> => {
      throw new Failure('storage_unreachable', 'Cannot reach it')
    },
  }
  await assert.rejects(Array.fromAsync(walkTree(unreachable, root, {}, neverStopped())), (error) =>
    isFailure(error, 'storage_unreachable'),
  )
})

test('joinPath() puts one slash between a directory and a name', () => {
  assert.equal(joinPath('/', 'a'), '/a')
  assert.equal(joinPath('/a', 'b'), '/a/b')
})

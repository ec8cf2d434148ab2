import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import { FakeRepository } from './fake-repository.ts'
import { cleanPath, findPath, findTree } from './find-path.ts'

const source = new FakeRepository()
const root = source.store({ a: { b: { 'c.txt': 'c' } } })

test('findPath() finds the root, directories and files', async () => {
  assert.deepEqual(await findPath(source, root, '/', neverStopped()), { kind: 'root', path: '/', treeId: root })
  const found = await findPath(source, root, 'a/./b//c.txt', neverStopped())
  assert.equal(found.path, '/a/b/c.txt')
  assert.equal(found.kind === 'node' && found.node.type, 'file')
})

test('findPath() says which part of a path is not there', async () => {
  const find = findPath(source, root, '/a/nothing/else', neverStopped())
  await assert.rejects(find, (error) => isFailure(error, 'path_missing') && error.message.includes('"/a/nothing"'))
  const through = findPath(source, root, '/a/b/c.txt/d', neverStopped())
  await assert.rejects(through, (error) => isFailure(error, 'path_missing') && error.message.includes('is a file'))
})

test('findTree() answers the tree of a directory only', async () => {
  assert.equal(await findTree(source, root, '/a/b', neverStopped()), source.store({ 'c.txt': 'c' }))
  const file = findTree(source, root, '/a/b/c.txt', neverStopped())
  await assert.rejects(file, (error) => isFailure(error, 'path_missing'))
})

test('cleanPath() takes away what does not matter', () => {
  assert.equal(cleanPath('/a/../b/./c//'), '/b/c')
  assert.equal(cleanPath('..'), '/')
})

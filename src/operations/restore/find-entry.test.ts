import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { SnapshotBuilder } from '../../../testing/snapshot-builder.ts'
import { TreeReader } from '../tree-reader.ts'
import { findEntry } from './find-entry.ts'

const signal = neverStopped()

async function sample(): Promise<(subpath: string | undefined) => Promise<{ path: string; names: string[] }>> {
  const repository = await freshRepository()
  const builder = new SnapshotBuilder(repository)
  const tree = builder.tree([
    builder.directory('home', [builder.directory('ann', [builder.file('b\udcff', ['x']), builder.file('c', ['y'])])]),
    builder.symlink('link', '/home'),
  ])
  await builder.end()
  const trees = new TreeReader(repository)
  return async (subpath) => {
    const { path, nodes } = await findEntry(tree, subpath, trees, signal)
    return { path, names: nodes.map(({ name }) => name) }
  }
}

test('findEntry() answers what is in a directory, and of anything else the entry itself', async () => {
  const find = await sample()
  assert.deepEqual(await find(undefined), { path: '', names: ['home', 'link'] })
  assert.deepEqual(await find('/'), { path: '', names: ['home', 'link'] })
  assert.deepEqual(await find('/home'), { path: '/home', names: ['ann'] })
  assert.deepEqual(await find('home//./ann/'), { path: '/home/ann', names: ['b\udcff', 'c'] })
  assert.deepEqual(await find('/home/ann/b\udcff'), { path: '/home/ann', names: ['b\udcff'] })
  assert.deepEqual(await find('/link'), { path: '', names: ['link'] })
})

test('findEntry() fails for what is not there, and follows neither symlinks nor ".."', async () => {
  const find = await sample()
  for (const subpath of ['/absent', '/home/absent/x', '/home/ann/c/x', '/link/ann', '/home/../link']) {
    await assert.rejects(find(subpath), (error) => isFailure(error, 'path_missing') && error.message.includes(subpath))
  }
})

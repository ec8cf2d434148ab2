import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { countStatistics, type Statistics, type StatisticsMode } from './count-statistics.ts'
import { FakeNode, FakeRepository } from './fake-repository.ts'
import { compressionFigures, statisticsJson } from './statistics-json.ts'

const source = new FakeRepository()
const linked = new FakeNode({ type: 'file', size: 100, links: 2, inode: 7, device_id: 1, content: [] })
const trees = [
  source.store({ a: 'same', b: 'same', d: { c: 'other' }, one: linked, two: linked }),
  source.store({ a: 'same', d: { c: 'other' } }),
]
const snapshots = trees.map((tree): Snapshot => ({ id: '', time: '', tree, paths: [] }))

async function counted(mode: StatisticsMode, formatVersion: 1 | 2 = 2): Promise<Statistics> {
  return await countStatistics(source, source, { snapshots, mode, formatVersion }, neverStopped())
}

test('countStatistics() counts entries and the size they are restored to, hard links once a snapshot', async () => {
  const { totalSize, fileCount, snapshots: count } = await counted('restore-size')
  assert.deepEqual([totalSize, fileCount, count], [4 + 4 + 5 + 100 + 4 + 5, 6 + 3, 2])
})

test('countStatistics() counts files with different contents once', async () => {
  const { totalSize, fileCount } = await counted('files-by-contents')
  // Everything without content is alike: here the directory is the first of them.
  assert.deepEqual([totalSize, fileCount], [4 + 5, 3])
})

test('countStatistics() counts the blobs of different files', async () => {
  const { totalSize, fileCount, blobCount } = await counted('blobs-per-file')
  assert.deepEqual([totalSize, fileCount, blobCount], [9, 2, 4])
})

test('countStatistics() counts a blob once that one file holds twice', async () => {
  const tree = source.store({ a: 'abab' })
  const request = { snapshots: [{ ...snapshots[0]!, tree }], mode: 'blobs-per-file', formatVersion: 2 } as const
  const { totalSize, blobCount } = await countStatistics(source, source, request, neverStopped())
  assert.deepEqual([totalSize, blobCount], [2, 1])
})

test('countStatistics() counts every blob once, as it is stored', async () => {
  const raw = await counted('raw-data')
  assert.equal(raw.blobCount, 4 + 3)
  assert.equal(raw.compressedTo, raw.totalSize)
  assert.equal(raw.compressedFrom, raw.uncompressedSize)
  assert.equal((await counted('raw-data', 1)).uncompressedSize, 0)
})

test('countStatistics() fails where a blob is gone', async () => {
  const partial = new FakeRepository()
  const tree = partial.store({ a: 'same' })
  const { nodes } = await partial.loadTree(tree, neverStopped())
  partial.remove(nodes[0]!.content![0]!)
  const request = { snapshots: [{ ...snapshots[0]!, tree }], mode: 'raw-data', formatVersion: 2 } as const
  await assert.rejects(countStatistics(partial, partial, request, neverStopped()), (error) =>
    isFailure(error, 'object_missing'),
  )
})

test('statisticsJson() leaves out what is zero, as restic does', () => {
  const zero = { totalSize: 9, fileCount: 2, blobCount: 0, uncompressedSize: 0, compressedFrom: 0, compressedTo: 0 }
  const plain: Statistics = { mode: 'restore-size', snapshots: 1, ...zero }
  assert.equal(statisticsJson(plain), '{"total_size":9,"total_file_count":2,"snapshots_count":1}')
  const raw: Statistics = { ...plain, totalSize: 60, uncompressedSize: 120, compressedFrom: 90, compressedTo: 30 }
  assert.deepEqual(compressionFigures(raw), { ratio: 3, progress: 75, saving: 50 })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { diffChangeJson, diffReportJson } from './diff-json.ts'
import { type DiffReport, diffTrees } from './diff-trees.ts'
import { equalNodes } from './equal-nodes.ts'
import { type FakeDirectory, FakeNode, FakeRepository } from './fake-repository.ts'

interface Outcome {
  readonly lines: string[]
  readonly report: DiffReport
}

async function compared(before: FakeDirectory, after: FakeDirectory, metadata = false): Promise<Outcome> {
  const source = new FakeRepository()
  const request = { before: source.store(before), after: source.store(after), metadata }
  const lines: string[] = []
  const report = await diffTrees(
    source,
    source,
    request,
    ({ modifier, path }) => lines.push(`${modifier} ${path}`),
    neverStopped(),
  )
  return { lines, report }
}

test('diffTrees() tells what was added, removed, modified, and made another type', async () => {
  const before = { gone: { 'x.txt': 'x', deep: {} }, same: { a: 'a' }, text: 'one', turned: 'file' }
  const after = {
    'b.txt': 'b',
    same: { a: 'a' },
    text: 'two!',
    turned: { in: 'in' },
    fifo: new FakeNode({ type: 'fifo' }),
  }
  const { lines, report } = await compared(before, after)
  assert.deepEqual(lines, [
    '+ /b.txt',
    '+ /fifo',
    '- /gone/',
    '- /gone/deep/',
    '- /gone/x.txt',
    'M /text',
    'T /turned/',
  ])
  assert.equal(report.changedFiles, 1)
  assert.deepEqual(
    { ...report.added, bytes: 0 },
    { files: 1, dirs: 0, others: 1, dataBlobs: 3, treeBlobs: 2, bytes: 0 },
  )
  assert.deepEqual(
    { ...report.removed, bytes: 0 },
    { files: 1, dirs: 2, others: 0, dataBlobs: 5, treeBlobs: 3, bytes: 0 },
  )
  assert.deepEqual(report.gaps, [])
})

test('diffTrees() counts no blob of directories that both sides share', async () => {
  const { report } = await compared({ a: { big: 'content' } }, { a: { big: 'content' }, copy: 'content' })
  assert.deepEqual([report.added.dataBlobs, report.added.treeBlobs], [0, 1])
})

test('diffTrees() suspects bit rot where only the content differs', async () => {
  assert.deepEqual((await compared({ f: 'one' }, { f: 'two' })).lines, ['M? /f'])
})

const file = (mtime: string): FakeNode => new FakeNode({ type: 'file', content: [], mtime })

test('diffTrees() tells metadata where it is asked to', async () => {
  const before = { a: file('2026-01-01T00:00:00Z'), b: file('2026-01-01T00:00:00Z'), d: { x: 'x' } }
  const after = { a: file('2026-01-01T00:00:01Z'), b: file('2026-01-01T01:00:00+01:00'), d: { y: 'y' } }
  assert.deepEqual((await compared(before, after)).lines, ['- /d/x', '+ /d/y'])
  assert.deepEqual((await compared(before, after, true)).lines, ['U /a', 'U /d/', '- /d/x', '+ /d/y'])
})

test('diffTrees() names a tree that it could not read as a gap and goes on', async () => {
  const source = new FakeRepository()
  const request = { before: source.store({ a: {}, b: 'b' }), after: source.store({ a: { x: 'x' } }), metadata: false }
  source.remove(source.store({ x: 'x' }))
  const lines: string[] = []
  const report = await diffTrees(source, source, request, (change) => lines.push(change.path), neverStopped())
  assert.deepEqual(lines, ['/b'])
  assert.equal(report.gaps.length, 2) // The tree itself, and its size.
})

test('diffTrees() compares names by their bytes', async () => {
  const { lines } = await compared({ '\u{10000}': 'a' }, { '\ue000': 'a' })
  assert.deepEqual(lines, ['+ /\ue000', '- /\u{10000}'])
})

test('equalNodes() compares attributes in any order and treats absent as zero', () => {
  const node = { name: 'n', type: 'file', uid: 0, gid: 0, content: ['a'] } as const
  const one = { name: 'user.a', value: 'AA==' }
  const other = { name: 'user.b', value: null }
  const attributes = { ...node, extended_attributes: [one, other] }
  assert.equal(equalNodes(attributes, { ...node, extended_attributes: [{ ...other, value: '' }, one] }), true)
  assert.equal(equalNodes(attributes, { ...node, extended_attributes: [one] }), false)
  assert.equal(equalNodes(node, { ...node, mode: 0, user: '' }), true)
  assert.equal(equalNodes(node, { ...node, content: ['b'] }), false)
  assert.equal(equalNodes({ ...node, inode: 2n ** 60n }, { ...node, inode: 2n ** 60n }), true)
})

test('diffChangeJson() and diffReportJson() write what restic writes', () => {
  assert.equal(
    diffChangeJson({ path: '/a&b', modifier: 'M' }),
    '{"message_type":"change","path":"/a\\u0026b","modifier":"M"}',
  )
  const side = { files: 1, dirs: 2, others: 3, dataBlobs: 4, treeBlobs: 5, bytes: 6 }
  const text = '{"files":1,"dirs":2,"others":3,"data_blobs":4,"tree_blobs":5,"bytes":6}'
  assert.equal(
    diffReportJson({ changedFiles: 7, added: side, removed: side, gaps: [] }, 'latest', 'ab'),
    `{"message_type":"statistics","source_snapshot":"latest","target_snapshot":"ab","changed_files":7,"added":${text},"removed":${text}}`,
  )
})

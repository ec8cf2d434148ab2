import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { parseGoTime } from '../../model/go-time.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { FakeNode, FakeRepository } from './fake-repository.ts'
import { type FindRequest, findEntries } from './find-entries.ts'
import { findMatchJson, findObjectJson, findSnapshotJson } from './find-json.ts'
import { findObjects } from './find-objects.ts'
import { parsePathPattern } from './path-pattern.ts'

const source = new FakeRepository()
const deep = { 'new.txt': 'new', 'old.txt': new FakeNode({ type: 'file', content: [], mtime: '2020-01-01T00:00:00Z' }) }
const trees = [source.store({ a: { deep }, 'b.txt': 'b' }), source.store({ a: { deep } })]
const snapshots = trees.map(
  (tree, index): Snapshot => ({ id: `${index}`.repeat(64), time: '2026-11-23T00:00:00Z', tree, paths: [] }),
)

async function found(patterns: string[], more: Partial<FindRequest> = {}): Promise<string[]> {
  const parsed = patterns.map((pattern) => parsePathPattern(pattern, { ignoreCase: false }))
  const events = await Array.fromAsync(findEntries(source, { snapshots, patterns: parsed, ...more }, neverStopped()))
  return events.map((event) => `${event.kind} ${event.snapshot.id[0]}${event.path}`)
}

test('findEntries() finds in every snapshot what one of the patterns matches', async () => {
  assert.deepEqual(await found(['b.*', '/a/deep/n*']), [
    'match 0/a/deep/new.txt',
    'match 0/b.txt',
    'match 1/a/deep/new.txt',
  ])
  assert.deepEqual(await found(['nothing']), [])
})

test('findEntries() finds only what was modified in time', async () => {
  const moment = parseGoTime('2021-01-01T00:00:00Z')
  const request = { snapshots: [snapshots[1]!] }
  assert.deepEqual(await found(['*.txt'], { ...request, newest: moment }), ['match 1/a/deep/old.txt'])
  assert.deepEqual(await found(['*.txt'], { ...request, oldest: moment }), ['match 1/a/deep/new.txt'])
})

test('findEntries() does not load trees in which nothing can match', async () => {
  const before = source.treesLoaded
  await found(['/b.txt'])
  assert.equal(source.treesLoaded - before, 2)
})

test('findEntries() tells a tree that it could not search', async () => {
  const partial = new FakeRepository()
  const tree = partial.store({ a: { deep }, 'b.txt': 'b' })
  partial.remove(source.store(deep))
  const patterns = [parsePathPattern('*.txt', { ignoreCase: false })]
  const request = { snapshots: [{ ...snapshots[0]!, tree }], patterns }
  const events = await Array.fromAsync(findEntries(partial, request, neverStopped()))
  assert.deepEqual(
    events.map((event) => `${event.kind} ${event.path}`),
    ['damaged /a/deep', 'match /b.txt'],
  )
})

test('findObjects() finds files by their blobs and directories by their trees, also by short ids', async () => {
  const { nodes } = await source.loadTree(source.store(deep), neverStopped())
  const blob = nodes[0]!.content![1]!
  const objects = async (dataBlobs: string[], wantedTrees: string[]): Promise<string[]> => {
    const events = findObjects(source, { snapshots, dataBlobs, trees: wantedTrees }, neverStopped())
    const texts: string[] = []
    for await (const event of events) if (event.kind === 'object') texts.push(`${event.type} ${event.path}`)
    return texts
  }
  assert.deepEqual(await objects([blob.slice(0, 8)], []), ['data /a/deep/new.txt', 'data /a/deep/new.txt'])
  assert.deepEqual(await objects([], [trees[1]!, source.store(deep).slice(0, 8)]), [
    'tree /a/deep',
    'tree /',
    'tree /a/deep',
  ])
})

test('findMatchJson(), findSnapshotJson() and findObjectJson() write what restic writes', () => {
  const node = {
    name: 'n',
    type: 'file',
    mode: 420,
    uid: 1,
    gid: 2,
    user: 'u',
    size: 3,
    links: 1,
    content: [],
  } as const
  const zero = '0001-01-01T00:00:00Z'
  const match = findMatchJson('/n', { ...node, mtime: zero, linktarget: 'a\udcff' })
  assert.equal(
    match,
    `{"path":"/n","permissions":"-rw-r--r--","type":"file","mode":420,"mtime":"${zero}","atime":"${zero}","ctime":"${zero}"` +
      ',"uid":1,"gid":2,"user":"u","size":3,"links":1,"linktarget":"a\\ufffd"}',
  )
  const id = '1'.repeat(64)
  assert.equal(findSnapshotJson(id, ['{}', '{}']), `{"matches":[{},{}],"hits":2,"snapshot":"${id}"}`)
  const object = { kind: 'object', type: 'data', id, path: '/n', parentTree: id, snapshot: snapshots[1]! } as const
  assert.equal(
    findObjectJson(object),
    `{"object_type":"blob","id":"${id}","path":"/n","parent_tree":"${id}","snapshot":"${id}","time":"2026-11-23T00:00:00Z"}`,
  )
})

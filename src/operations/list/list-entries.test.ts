import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { FakeNode, FakeRepository } from './fake-repository.ts'
import { listEntries, type ListedNode, sortEntries } from './list-entries.ts'
import { listNodeJson, listSnapshotJson, snapshotJson } from './list-json.ts'
import { ncduText } from './list-ncdu.ts'

const source = new FakeRepository()
const treeId = source.store({
  a: { deep: { 'x.txt': 'x' }, 'y.conf': 'yy' },
  b: { 'z.txt': 'zzz' },
  link: new FakeNode({ type: 'symlink', mode: 0x0800_01ff, linktarget: '<b>' }),
})

async function listed(directories: string[], recursive: boolean): Promise<string[]> {
  const events = listEntries(source, { treeId, directories, recursive }, neverStopped())
  return (await Array.fromAsync(events)).map((event) => `${event.kind} ${event.path}`)
}

test('listEntries() lists everything where no directory is asked for', async () => {
  const entries = (await listed([], false)).filter((line) => line.startsWith('entry'))
  const paths = ['/a', '/a/deep', '/a/deep/x.txt', '/a/y.conf', '/b', '/b/z.txt', '/link']
  assert.deepEqual(
    entries,
    paths.map((path) => `entry ${path}`),
  )
})

test('listEntries() lists a directory and what lies directly in it', async () => {
  assert.deepEqual(await listed(['/a/'], false), [
    'entry /a',
    'entry /a/deep',
    'leave /a/deep',
    'entry /a/y.conf',
    'leave /a',
  ])
  assert.deepEqual(await listed(['/a/deep'], false), [
    'way /a',
    'entry /a/deep',
    'entry /a/deep/x.txt',
    'leave /a/deep',
    'leave /a',
  ])
})

test('listEntries() lists at any depth where it is asked to', async () => {
  const entries = (await listed(['/a'], true)).filter((line) => line.startsWith('entry'))
  assert.deepEqual(entries, ['entry /a', 'entry /a/deep', 'entry /a/deep/x.txt', 'entry /a/y.conf'])
})

test('listEntries() refuses a path that is not absolute, and throws damage', async () => {
  await assert.rejects(listed(['a'], false), (error) => isFailure(error, 'usage'))
  const gone = '0'.repeat(64)
  const events = listEntries(source, { treeId: gone, directories: [], recursive: false }, neverStopped())
  await assert.rejects(Array.fromAsync(events), (error) => isFailure(error, 'object_missing'))
})

const entry = (path: string, size: number, mtime: string): ListedNode => ({
  path,
  node: { name: path, type: 'file', uid: 0, gid: 0, content: [], size, mtime },
})

test('sortEntries() sorts by size, time and extension, then by path', () => {
  const one = entry('/b.b/one', 3, '2026-01-01T00:00:00Z')
  const two = entry('/two.a', 1, '2026-01-01T00:00:00.5Z')
  const three = entry('/three.a', 1, '2026-01-01T01:00:00+02:00')
  const all = [one, two, three]
  assert.deepEqual(sortEntries(all, 'name'), all)
  assert.deepEqual(sortEntries(all, 'size'), [three, two, one])
  assert.deepEqual(sortEntries(all, 'time'), [three, one, two])
  assert.deepEqual(sortEntries(all, 'extension'), [one, three, two])
})

const snapshot: Snapshot = { id: 'ab'.repeat(32), time: '2026-11-23T00:00:00Z', tree: treeId, paths: ['/srv'] }

test('snapshotJson() and listSnapshotJson() add the id as restic does', () => {
  const common = `{"time":"2026-11-23T00:00:00Z","tree":"${treeId}","paths":["/srv"],"id":"${snapshot.id}","short_id":"abababab"`
  assert.equal(snapshotJson(snapshot), `${common}}`)
  assert.equal(listSnapshotJson(snapshot), `${common},"message_type":"snapshot","struct_type":"snapshot"}`)
})

test('listNodeJson() has the members of restic in their order', async () => {
  const { nodes } = await source.loadTree(treeId, neverStopped())
  const times = ['mtime":"2026-11-23T03:27:52Z', 'atime":"0001-01-01T00:00:00Z', 'ctime":"0001-01-01T00:00:00Z']
  assert.equal(
    listNodeJson('/a&b/link', nodes[2]!),
    `{"name":"link","type":"symlink","path":"/a\\u0026b/link","uid":1000,"gid":1000,"mode":134218239` +
      `,"permissions":"Lrwxrwxrwx","${times.join('","')}","message_type":"node","struct_type":"node"}`,
  )
  const empty = { ...nodes[2]!, type: 'file', mode: 0, inode: 2n ** 60n } as const
  assert.match(
    listNodeJson('/x', empty),
    /"gid":1000,"size":0,"permissions":"----------",.*,"inode":1152921504606846976,/,
  )
})

test('ncduText() nests directories as lists', async () => {
  const events = listEntries(source, { treeId, directories: [], recursive: true }, neverStopped())
  const text = (await Array.fromAsync(ncduText(snapshot, events))).join('')
  const names = (list: unknown): unknown =>
    Array.isArray(list) ? list.map(names) : (list as { readonly name: string }).name
  const parsed = JSON.parse(text) as unknown[]
  assert.deepEqual(names(parsed[3]), ['/', ['a', ['deep', 'x.txt'], 'y.conf'], ['b', 'z.txt'], 'link'])
  assert.match(text, /"name":"y.conf","asize":2,"dsize":512,.*"notreg":false,.*"mode":420,"mtime":1795404472/)
})

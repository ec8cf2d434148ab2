import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { compareNames, decodeName } from '../../base/byte-name.ts'
import { formatGoTime } from '../../model/go-time.ts'
import type { Node } from '../../model/node.ts'
import { resticFixtures } from '../../repository/fixtures/restic-fixtures.ts'
import { encodeNode } from '../../repository/node-json.ts'
import { decodeTree, encodeTree } from '../../repository/tree-json.ts'
import { contentIds, ParentTree, subtreeId } from './parent-tree.ts'

/** What stat(2) tells of a node, as the beginning of its JSON. */
function beginningOf(node: Node): string {
  const { linktarget: _target, extended_attributes: _attributes, subtree: _subtree, error: _error, ...known } = node
  const text = encodeNode({ ...known, content: null })
  return text.slice(0, text.lastIndexOf('"content":'))
}

/** Names that are alike, prefixes of each other, of odd bytes, or words of the JSON around them. */
const oddNames = [
  'a',
  'aa',
  'aaa',
  'a"',
  'a\\',
  'a\\"',
  '"',
  '\\',
  '","type":"file',
  'content',
  '"content":null}',
  ']}',
  '],"x',
  '{}',
  'nodes',
  '{"nodes":[',
  'subtree',
  ',"subtree":"',
  '\n',
  '\u2028',
  '<&>',
  'é',
  'e\u0301',
  '😀',
  '\udcff',
  '\udcc3(',
]
const name = fc.oneof(
  fc.constantFrom(...oddNames),
  fc.uint8Array({ minLength: 1, maxLength: 6 }).map((bytes) => decodeName(bytes.map((byte) => byte || 1))),
)
const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'))
const time = fc.tuple(fc.integer({ min: 0, max: 5 }), fc.constantFrom(0, 1, 500_000_000))
const text = fc.oneof(fc.constantFrom(...oddNames), fc.string({ maxLength: 6 }))
const attributes = fc.array(fc.record({ name: text, value: fc.constantFrom(null, '', 'e30=', 'fSx9') }), {
  maxLength: 3,
})

const node: fc.Arbitrary<Node> = fc
  .record({
    name,
    type: fc.constantFrom('file', 'dir', 'symlink', 'fifo', 'dev'),
    mtime: time,
    ctime: time,
    inode: fc.integer({ min: 1, max: 3 }),
    size: fc.integer({ min: 0, max: 2 }),
    user: text,
    content: fc.array(id, { maxLength: 3 }),
    subtree: id,
    linktarget: text,
    extended_attributes: attributes,
  } as const)
  .map(({ mtime, ctime, size, content, subtree, linktarget, ...rest }) => ({
    ...rest,
    mtime: formatGoTime(...mtime),
    atime: formatGoTime(...mtime),
    ctime: formatGoTime(...ctime),
    uid: 0,
    gid: 0,
    links: 1,
    content: rest.type === 'file' ? content : null,
    ...(rest.type === 'file' && { size }),
    ...(rest.type === 'dir' && { subtree }),
    ...(rest.type === 'symlink' && { linktarget }),
  }))

const nodes = fc
  .uniqueArray(node, { selector: (each) => each.name, maxLength: 12 })
  .map((list) => list.sort((a, b) => compareNames(a.name, b.name)))

/** How an entry of the parent has fared until now. */
const fate = fc.constantFrom('same', 'same', 'same', 'touched', 'gone', 'retyped')

function changed(before: Node, how: string): Node | undefined {
  if (how === 'gone') return undefined
  if (how === 'touched') return { ...before, ctime: '2026-01-01T00:00:00Z' }
  if (how === 'retyped') return { ...before, type: before.type === 'fifo' ? 'chardev' : 'fifo', content: null }
  return before
}

test('ParentTree finds exactly the entries that are unchanged, whatever was changed, added and removed', () => {
  fc.assert(
    fc.property(nodes, fc.array(fate, { minLength: 12, maxLength: 12 }), nodes, (before, fates, added) => {
      const byName = new Map(before.map((each) => [each.name, each]))
      const kept = before.flatMap((each, at) => changed(each, fates[at]!) ?? [])
      const now = [...kept, ...added.filter((each) => !byName.has(each.name))]
      now.sort((a, b) => compareNames(a.name, b.name))

      const tree = new ParentTree(encodeTree(before))
      let taken = 0
      for (const each of now) {
        const previous = byName.get(each.name)
        const beginning = beginningOf(each)
        const json = previous && encodeNode(previous)
        const expected = json?.startsWith(beginning) === true ? json : undefined
        assert.equal(tree.next(each.name, beginning), expected, each.name)
        assert.deepEqual(tree.find(each.name)?.name, previous?.name)
        if (expected !== undefined) {
          taken++
          assert.deepEqual(contentIds(expected), previous?.content ?? [])
          assert.equal(subtreeId(expected), previous?.subtree)
        }
      }
      assert.equal(tree.isWholeTaken, taken === before.length && taken === now.length)
    }),
    { numRuns: 2000 },
  )
})

for (const fixture of resticFixtures) {
  test(`ParentTree takes over every node of the trees that ${fixture.name} holds`, () => {
    for (const { text: json } of fixture.trees) {
      const tree = new ParentTree(Buffer.from(json))
      for (const each of decodeTree(Buffer.from(json)).nodes) {
        assert.equal(tree.next(each.name, beginningOf(each)), encodeNode(each))
      }
      assert.ok(tree.isWholeTaken)
    }
  })
}

const file: Node = { name: 'a', type: 'file', uid: 0, gid: 0, inode: 1, content: ['00'.repeat(32)] }
const other: Node = { ...file, name: 'b' }

test('ParentTree takes nothing over from text that is not as restic writes it, and finds its nodes all the same', () => {
  const canonical = encodeTree([file, other]).toString()
  const variants = [
    canonical.replace('{"nodes":[', '{ "nodes": ['),
    canonical.replaceAll('"content":', '"content": '),
    canonical.replaceAll(']}', '] }'),
    canonical.replace('],"', '] ,"'),
    JSON.stringify(JSON.parse(canonical), undefined, 2),
  ]
  for (const variant of variants) {
    const tree = new ParentTree(Buffer.from(variant))
    for (const each of [file, other]) {
      const json = tree.next(each.name, beginningOf(each))
      if (json !== undefined) assert.deepEqual(JSON.parse(json), JSON.parse(encodeNode(each)), variant)
      assert.deepEqual(tree.find(each.name)?.content, each.content, variant)
    }
  }
})

test('ParentTree takes no node over that was stored with an error', () => {
  const link: Node = { ...file, type: 'symlink', content: null, error: 'it had a } and a ],"name' }
  const tree = new ParentTree(encodeTree([link, other]))
  assert.equal(tree.next('a', beginningOf(link)), undefined)
  assert.equal(tree.isWholeTaken, false)
  assert.equal(tree.find('a')?.error, link.error)
})

test('ParentTree tells times with an offset from those in UTC, and finds the node by its name', () => {
  const node0 = { ...file, mtime: '2026-01-01T01:00:00.5+01:00', atime: '2026-01-01T01:00:00.5+01:00' }
  const tree = new ParentTree(encodeTree([node0, other]))
  const now = { ...file, mtime: '2026-01-01T00:00:00.5Z', atime: '2026-01-01T00:00:00.5Z' }
  assert.equal(tree.next('a', beginningOf(now)), undefined)
  assert.equal(tree.find('a')?.mtime, node0.mtime)
  assert.equal(tree.next('b', beginningOf(other)), encodeNode(other))
  assert.equal(tree.isWholeTaken, false)
})

test('ParentTree of an empty directory is whole while there is nothing, and no longer once something was added', () => {
  const tree = new ParentTree(encodeTree([]))
  assert.equal(tree.isWholeTaken, true)
  assert.equal(tree.next('a', beginningOf(file)), undefined)
  assert.equal(tree.isWholeTaken, false)
  // restic before 0.5 wrote null for an empty list.
  const old = new ParentTree(Buffer.from('{"nodes":null}\n'))
  assert.equal(old.find('a'), undefined)
  assert.equal(old.isWholeTaken, false)
})

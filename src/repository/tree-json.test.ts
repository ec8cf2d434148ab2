import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { compareNames, decodeName } from '../base/byte-name.ts'
import { isFailure } from '../base/failure.ts'
import { formatGoTime } from '../model/go-time.ts'
import { type Node, nodeTypes } from '../model/node.ts'
import { resticFixtures } from './fixtures/restic-fixtures.ts'
import { decodeTree, encodeTree } from './tree-json.ts'

for (const fixture of resticFixtures) {
  test(`encodeTree() gives every tree of ${fixture.name} the bytes and the name that restic gave it`, () => {
    for (const { id, text } of fixture.trees) {
      const bytes = encodeTree(decodeTree(Buffer.from(text)).nodes)
      assert.equal(bytes.toString(), text)
      assert.equal(createHash('sha256').update(bytes).digest('hex'), id)
    }
  })
}

test('decodeTree() finds the names and targets of odd bytes in what restic wrote', () => {
  const nodes = resticFixtures[1]!.trees.flatMap(({ text }) => decodeTree(Buffer.from(text)).nodes)
  const names = nodes.map((node) => node.name)
  for (const name of [
    'bad-\udcff\udcfe',
    'half-\udce2\udc82',
    'new\nline',
    'quo"te',
    'emoji-\u{1f600}',
    'u2028-\u2028-\u2029',
  ]) {
    assert.ok(names.includes(name), JSON.stringify(name))
  }
  assert.equal(nodes.find((node) => node.name === 'link1')?.linktarget, 'bad-\udcff')
  assert.deepEqual(nodes.find((node) => node.name === 'empty')?.content, [])
})

const name = fc.uint8Array({ minLength: 1, maxLength: 20 }).map(decodeName)
const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'))
const time = fc
  .tuple(fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }), fc.integer({ min: 0, max: 999_999_999 }))
  .map(([seconds, nanoseconds]) => formatGoTime(seconds, nanoseconds))
const large = fc.oneof(
  fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
)
const wellFormed = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 })
const node: fc.Arbitrary<Node> = fc.record(
  {
    name,
    type: fc.constantFrom(...nodeTypes),
    mode: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    mtime: time,
    atime: time,
    ctime: time,
    uid: fc.nat(),
    gid: fc.nat(),
    user: wellFormed,
    group: wellFormed,
    inode: large,
    device_id: large,
    size: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    links: fc.integer({ min: 1, max: 1000 }),
    linktarget: name,
    extended_attributes: fc.array(
      fc.record(
        { name: wellFormed, value: fc.option(fc.base64String({ minLength: 4 }), { nil: null }) },
        { noNullPrototype: true },
      ),
      { minLength: 1, maxLength: 3 },
    ),
    generic_attributes: fc.constant({ 'windows.file_attributes': 32, 'windows.creation_time': '+/8=' }),
    device: large,
    content: fc.option(fc.array(id, { maxLength: 3 }), { nil: null }),
    subtree: id,
  },
  { requiredKeys: ['name', 'type', 'mtime', 'atime', 'ctime', 'uid', 'gid', 'content'], noNullPrototype: true },
)
const nodes = fc
  .uniqueArray(node, { selector: (item) => item.name, maxLength: 6 })
  .map((items) => items.sort((a, b) => compareNames(a.name, b.name)))

test('decodeTree() is the inverse of encodeTree() for nodes of every kind', () => {
  fc.assert(
    fc.property(nodes, (items) => {
      assert.deepEqual(decodeTree(encodeTree(items)).nodes, items)
    }),
    { numRuns: 500 },
  )
})

test('decodeTree() never throws anything but a Failure when the text is damaged', () => {
  const text = resticFixtures[1]!.trees[0]!.text
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), (at, inserted) => {
      try {
        decodeTree(Buffer.from(text.slice(0, at) + inserted + text.slice(at + 1)))
      } catch (error) {
        assert.ok(isFailure(error, 'repository_damaged'), String(error))
      }
    }),
    { numRuns: 2000 },
  )
})

test('decodeTree() refuses numbers that no file system has', () => {
  for (const number of ['1e300', '9'.repeat(21), '184467440737095516160000']) {
    const text = `{"nodes":[{"name":"a","type":"file","mtime":"2020-01-01T00:00:00Z","inode":${number},"content":null}]}`
    assert.throws(
      () => decodeTree(Buffer.from(text)),
      (error) => isFailure(error, 'repository_damaged'),
    )
  }
})

test('decodeTree() refuses nodes whose members have a wrong type', () => {
  const whole = { name: 'a', type: 'file', mtime: '2020-01-01T00:00:00Z', uid: 0, gid: 0, content: null }
  decodeTree(Buffer.from(JSON.stringify({ nodes: [whole] })))
  const wrong = [
    { name: 1 },
    { name: 'a"b' },
    { type: 'door' },
    { mtime: 'noon' },
    { uid: -1 },
    { size: 1.5 },
    { inode: 'x' },
    { user: {} },
    { linktarget_raw: 3 },
    { content: ['short'] },
    { content: {} },
    { subtree: 'x' },
    { extended_attributes: 3 },
    { extended_attributes: [null] },
    { extended_attributes: [{ name: 1 }] },
  ]
  for (const member of wrong) {
    const text = JSON.stringify({ nodes: [{ ...whole, ...member }] })
    assert.throws(
      () => decodeTree(Buffer.from(text)),
      (error) => isFailure(error, 'repository_damaged'),
      text,
    )
  }
})

function emptyFile(text: string): Node {
  return { name: text, type: 'file', uid: 0, gid: 0, content: [] }
}

test('encodeTree() refuses nodes that are not in order or have one name twice', () => {
  assert.throws(
    () => encodeTree([emptyFile('b'), emptyFile('a')]),
    (error) => isFailure(error, 'defect'),
  )
  assert.throws(
    () => encodeTree([emptyFile('a'), emptyFile('a')]),
    (error) => isFailure(error, 'defect'),
  )
  // By bytes U+10000 follows U+E000; by UTF-16 units it would not.
  encodeTree([emptyFile('\ue000'), emptyFile('\u{10000}')])
})

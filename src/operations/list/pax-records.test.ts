import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { aclText } from './acl-text.ts'
import { paxRecords } from './pax-records.ts'
import { tarNumber } from './tar-number.ts'
import type { Node } from '../../model/node.ts'

const node: Node = { name: 'n', type: 'file', uid: 0, gid: 0, content: [], mtime: '1970-01-01T00:00:00Z' }

/** Reads records as POSIX says: "<length> <key>=<value>\n", where the length counts the whole record. */
function records(bytes: Buffer): Map<string, Buffer> {
  const found = new Map<string, Buffer>()
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(' ', at)
    const end = at + Number(bytes.toString('latin1', at, space))
    const equals = bytes.indexOf('=', space)
    assert.equal(bytes[end - 1], 0x0a)
    found.set(bytes.toString('utf8', space + 1, equals), bytes.subarray(equals + 1, end - 1))
    at = end
  }
  return found
}

test('paxRecords() counts its own length right for values of every length', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1200 }), (length) => {
      const value = Buffer.alloc(length, 7)
      const extended_attributes = [{ name: 'user.a=b%', value: value.toString('base64') }]
      assert.deepEqual(
        records(paxRecords('n', { ...node, extended_attributes })).get('SCHILY.xattr.user.a%3Db%25'),
        value,
      )
    }),
  )
})

test('paxRecords() writes times before 1970 and parts of seconds', () => {
  const times = {
    mtime: '1969-12-31T23:59:58.25Z',
    atime: '1970-01-01T00:00:01.000000001Z',
    ctime: '1969-12-31T23:59:59Z',
  }
  const found = records(paxRecords('n', { ...node, ...times }))
  assert.deepEqual(
    ['mtime', 'atime', 'ctime'].map((key) => found.get(key)?.toString()),
    ['-1.75', '1.000000001', '-1'],
  )
})

const keys = (name: string, more: Partial<Node>): string[] => [
  ...records(paxRecords(name, { ...node, ...more })).keys(),
]

test('paxRecords() holds what a plain header can not, and nothing else', () => {
  const times = ['mtime', 'atime', 'ctime']
  assert.deepEqual(keys('short', { user: 'someone', size: 8 ** 11 - 1 }), times)
  assert.deepEqual(keys('bad-\udcff', {}), times)
  assert.deepEqual(keys('ä', { uid: 8 ** 7, size: 8 ** 11, group: 'ö' }), ['path', 'size', 'uid', 'gname', ...times])
  assert.deepEqual(keys('x'.repeat(101), { linktarget: 'y'.repeat(101) }), ['path', 'linkpath', ...times])
})

const entry = (tag: number, permissions: number, id = 0xffff_ffff): number[] => [
  tag,
  0,
  permissions,
  0,
  ...[id, id >>> 8, id >>> 16, id >>> 24].map((byte) => byte & 0xff),
]

test('aclText() writes the text form of an ACL', () => {
  const acl = [2, 0, 0, 0, ...entry(1, 6), ...entry(2, 7, 1000), ...entry(4, 4), ...entry(16, 7), ...entry(32, 0)]
  assert.equal(aclText(Buffer.from(acl)), 'user::rw-\nuser:1000:rwx\ngroup::r--\nmask::rwx\nother::---\n')
  assert.equal(aclText(Buffer.from(acl.slice(0, -1))), undefined)
  assert.equal(aclText(Buffer.from([3, 0, 0, 0])), undefined)
  assert.equal(aclText(Buffer.from([2, 0, 0, 0, ...entry(64, 0)])), undefined)
})

const attribute = (bytes: number[]): Partial<Node> => ({
  extended_attributes: [{ name: 'system.posix_acl_access', value: Buffer.from(bytes).toString('base64') }],
})

test('paxRecords() writes an ACL as text, and as bytes where it is of another form', () => {
  const good = records(paxRecords('n', { ...node, ...attribute([2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255]) }))
  assert.equal(good.get('SCHILY.acl.access')?.toString(), 'user::rw-\n')
  const bad = records(paxRecords('n', { ...node, ...attribute([9]) }))
  assert.deepEqual(bad.get('SCHILY.xattr.system.posix_acl_access'), Buffer.of(9))
})

const written = (value: number): string => {
  const block = Buffer.alloc(8)
  tarNumber(block, 0, 8, value)
  return block.toString('latin1')
}

test('tarNumber() writes octal digits, and 0 where they do not fit', () => {
  assert.equal(written(0o644), '0000644\0')
  assert.equal(written(8 ** 7 - 1), '7777777\0')
  assert.equal(written(8 ** 7), '0000000\0')
  assert.equal(written(-1), '0000000\0')
})

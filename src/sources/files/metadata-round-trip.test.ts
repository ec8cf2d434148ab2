import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { test, type TestContext } from 'node:test'
import * as fc from 'fast-check'
import type { ExtendedAttribute, Node } from '../../model/node.ts'
import { cString } from '../../posix/c-string.ts'
import { getAttribute, listAttributes, setAttribute } from '../../posix/extended-attributes.ts'
import { close } from '../../posix/open.ts'
import { OwnerNames } from '../../posix/owner-names.ts'
import { isSystemError } from '../../posix/system-error.ts'
import { applyMetadata } from './apply-metadata.ts'
import { nodeFromStat, readDetails } from './file-node.ts'
import { TargetFolder } from './target-folder.ts'
import type { TargetDirectory } from './target-directory.ts'
import { goMode } from '../../model/file-mode.ts'

const isRoot = process.geteuid!() === 0
const owners = new OwnerNames()

function temporaryTarget(context: TestContext): TargetFolder {
  const folder = mkdtempSync('/tmp/metadata-')
  const target = TargetFolder.open(folder, { create: false })
  context.after(() => {
    target.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return target
}

/** What the file system says of an entry, as a node without what no restore can set. */
function nodeOf(directory: TargetDirectory, name: string): Partial<Node> {
  const stat = directory.stat(name)!
  const { details, gaps } = readDetails({ directoryFd: directory.fd, name, type: stat.type }, name)
  assert.deepEqual(gaps, [])
  const {
    inode: _inode,
    device_id: _device,
    ctime: _ctime,
    links: _links,
    ...rest
  } = nodeFromStat(name, stat, details, {
    owners,
    withAtime: true,
  })
  return rest
}

function nodeWith(changes: Partial<Node>): Node {
  const uid = process.geteuid!()
  return {
    name: 'entry',
    type: 'file',
    mode: 0o644,
    mtime: '2020-01-02T03:04:05.123456789Z',
    atime: '2021-01-02T03:04:05.000000001Z',
    uid,
    gid: process.getegid!(),
    user: owners.user(uid),
    group: owners.group(process.getegid!()),
    content: null,
    ...changes,
  }
}

/** Makes an entry of the node's type, gives it its metadata, and tells what the file system says then. */
function restored(directory: TargetDirectory, node: Node): Partial<Node> {
  if (node.type === 'file') {
    const fd = directory.newFile(node.name)
    assert.deepEqual(applyMetadata({ fd }, node), [])
    close(fd)
  } else if (node.type === 'dir') {
    using inside = directory.directory(node.name)
    assert.deepEqual(inside.applyOwnMetadata(node), [])
  } else {
    if (node.type === 'symlink') directory.symlink(node.name, node.linktarget!)
    else directory.specialFile(node.name, node)
    assert.deepEqual(directory.applyMetadata(node.name, node), [])
  }
  return nodeOf(directory, node.name)
}

/** Whether the file system under /tmp takes attributes of users. */
function canKeepAttributes(target: TargetFolder): boolean {
  const fd = target.root.newFile('probe')
  try {
    setAttribute({ fd }, cString('user.probe'), Buffer.from('x'))
    return true
  } catch (error) {
    if (isSystemError(error, 'ENOTSUP', 'EPERM')) return false
    throw error
  } finally {
    close(fd)
    target.root.removeAll('probe')
  }
}

/** An access control list in the form of the kernel: tag, permissions and id of each entry after version 2. */
function acl(...entries: readonly [tag: number, permissions: number, id: number][]): string {
  const bytes = Buffer.alloc(4 + entries.length * 8)
  bytes.writeUInt32LE(2)
  entries.forEach(([tag, permissions, id], at) => {
    bytes.writeUInt16LE(tag, 4 + at * 8)
    bytes.writeUInt16LE(permissions, 6 + at * 8)
    bytes.writeUInt32LE(id, 8 + at * 8)
  })
  return bytes.toString('base64')
}

/** The node with its attributes in the order of their names: the file system lists them in its own. */
function byName(node: Partial<Node>): unknown {
  return { ...node, extended_attributes: node.extended_attributes?.toSorted((a, b) => (a.name < b.name ? -1 : 1)) }
}

const nobody = 0xffff_ffff
/** Owner rwx, user 1000 r, group r, mask rwx, others nothing: mode 0770. */
const sampleAcl = acl([1, 7, nobody], [2, 4, 1000], [4, 4, nobody], [0x10, 7, nobody], [0x20, 0, nobody])

test('applyMetadata() brings back mode and times of every type of node to the nanosecond', (context) => {
  const target = temporaryTarget(context)
  const nodes: Node[] = [
    nodeWith({ mode: goMode('file', 0o7751), size: 0, content: [] }),
    nodeWith({ mode: 0, size: 0, content: [], mtime: '1965-05-06T07:08:09.999999999Z' }),
    nodeWith({ type: 'dir', mode: goMode('dir', 0o3777) }),
    nodeWith({ type: 'dir', mode: goMode('dir', 0o0) }),
    nodeWith({ type: 'symlink', mode: goMode('symlink', 0o777), linktarget: 'to/\udcff' }),
    nodeWith({ type: 'fifo', mode: goMode('fifo', 0o640) }),
  ]
  if (isRoot) nodes.push(nodeWith({ type: 'chardev', mode: goMode('chardev', 0o644), device: 0x105 }))
  for (const node of nodes) {
    assert.deepEqual(restored(target.root, node), node)
    target.root.removeAll(node.name)
  }
})

test('applyMetadata() sets every mode and time that there is', (context) => {
  const target = temporaryTarget(context)
  fc.assert(
    fc.property(fc.nat(0o7777), fc.nat(999_999_999), fc.integer({ min: 1, max: 28 }), (mode, nanoseconds, day) => {
      const fraction = `.${`${nanoseconds}`.padStart(9, '0')}`.replace(/\.?0+$/, '')
      const time = `2031-02-${`${day}`.padStart(2, '0')}T01:02:03${fraction}Z`
      const node = nodeWith({ mode: goMode('file', mode), mtime: time, size: 0, content: [] })
      assert.deepEqual(restored(target.root, node), node)
    }),
    { numRuns: 100 },
  )
})

test('applyMetadata() brings back extended attributes and access control lists, and removes others', (context) => {
  const target = temporaryTarget(context)
  if (!canKeepAttributes(target)) return context.skip('the file system of /tmp keeps no extended attributes')
  const attributes: ExtendedAttribute[] = [
    { name: 'user.empty', value: '' },
    { name: 'user.binary', value: Buffer.from([0, 1, 255, 0]).toString('base64') },
    { name: 'user.\udcfe', value: 'eA==' },
    { name: 'system.posix_acl_access', value: sampleAcl },
  ]
  const mode = goMode('dir', 0o770)
  const defaultAcl = { name: 'system.posix_acl_default', value: sampleAcl }
  const directory = nodeWith({ type: 'dir', name: 'dir', mode, extended_attributes: [...attributes, defaultAcl] })
  assert.deepEqual(byName(restored(target.root, directory)), byName(directory))
  // A file in there inherits the list of the directory, which its node has not.
  using inside = target.directory(['dir'])
  const plain = nodeWith({ size: 0, content: [] })
  const fd = inside.newFile('inherits')
  assert.equal(listAttributes({ fd }).length, 1)
  setAttribute({ fd }, cString('user.other'), Buffer.from('x'))
  assert.deepEqual(applyMetadata({ fd }, plain), [])
  assert.deepEqual(listAttributes({ fd }), [])
  const rich = nodeWith({ mode: 0o770, size: 0, content: [], extended_attributes: attributes })
  assert.deepEqual(applyMetadata({ fd }, rich), [])
  assert.deepEqual(byName({ ...nodeOf(inside, 'inherits'), name: 'entry' }), byName(rich))
  assert.equal(getAttribute({ fd }, cString('user.absent')), undefined)
  close(fd)
})

test('applyMetadata() gives files to others, and attributes to symlinks, as root', (context) => {
  if (!isRoot) return context.skip('only root can give files away')
  const target = temporaryTarget(context)
  const others = { uid: 12345, gid: 54321 }
  const { user: _user, group: _group, ...plain } = nodeWith(others)
  for (const node of [
    { ...plain, mode: goMode('file', 0o6755), size: 0, content: [] },
    { ...plain, type: 'symlink' as const, mode: goMode('symlink', 0o777), linktarget: 'x' },
  ]) {
    assert.deepEqual(restored(target.root, node), node)
  }
  if (!canKeepAttributes(target)) return
  const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex').toString('base64')
  const file = {
    ...plain,
    size: 0,
    content: [],
    extended_attributes: [{ name: 'security.capability', value: capability }],
  }
  assert.deepEqual(restored(target.root, file), file)
  const trusted = [{ name: 'trusted.x', value: 'eA==' }]
  const link = {
    ...plain,
    type: 'symlink' as const,
    mode: goMode('symlink', 0o777),
    linktarget: 'x',
    extended_attributes: trusted,
  }
  assert.deepEqual(restored(target.root, link), link)
})

test('applyMetadata() tries everything and tells what failed', (context) => {
  const target = temporaryTarget(context)
  const fd = target.root.newFile('entry')
  const node = nodeWith({ mode: 0o600, extended_attributes: [{ name: 'nonsense', value: 'eA==' }] })
  const problems = applyMetadata({ fd }, node)
  close(fd)
  assert.equal(problems.length, 1)
  assert.equal(problems[0]?.what, 'attribute')
  assert.match(problems[0].detail, /"nonsense"/)
  assert.equal(nodeOf(target.root, 'entry').mtime, node.mtime)
})

test('nodeFromStat() tells what restic tells of each type, and nothing more', (context) => {
  const target = temporaryTarget(context)
  const { root } = target
  close(root.newFile('file'))
  root.symlink('link', 'x')
  root.specialFile('fifo', { type: 'fifo' })
  root.directory('dir').close()
  const common = 'name type mode mtime atime ctime uid gid user group inode device_id'
  const fields = { file: ' size links', link: ' links linktarget', fifo: '', dir: '' }
  for (const [name, more] of Object.entries(fields)) {
    const stat = root.stat(name)!
    const { details } = readDetails({ directoryFd: root.fd, name, type: stat.type }, name)
    const node = nodeFromStat(name, stat, details, { owners, withAtime: false })
    assert.deepEqual(Object.keys(node).sort(), `${common}${more} content`.split(' ').sort())
    assert.equal(node.atime, node.mtime)
    assert.deepEqual(node.content, name === 'file' ? [] : null)
  }
})

import assert from 'node:assert/strict'
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { isFailure } from '../../base/failure.ts'
import { close } from '../../posix/open.ts'
import { openStepwise } from '../../posix/open-beneath.ts'
import { writeAt } from '../../posix/write.ts'
import { TargetFolder } from './target-folder.ts'

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync('/tmp/target-folder-')
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function writeThrough(fd: number, text: string): void {
  writeAt(fd, Buffer.from(text), 0)
  close(fd)
}

test('TargetFolder.open() makes the folder and what is missing above it', (context) => {
  const place = join(temporaryFolder(context), 'a/b/c')
  using target = TargetFolder.open(place, { create: true })
  assert.equal(lstatSync(place).mode & 0o777, 0o700)
  assert.deepEqual(target.root.names(), [])
})

test('TargetFolder.open() fails with target_failed where nothing can be made, though what is above is there', (context) => {
  const folder = temporaryFolder(context)
  symlinkSync('absent', join(folder, 'dangling'))
  for (const place of [join(folder, 'dangling/a'), join(folder, 'dangling/a/b'), '/proc/absent/a']) {
    assert.throws(
      () => TargetFolder.open(place, { create: true }),
      (error) => isFailure(error, 'target_failed') && error.facts['code'] === 'ENOENT',
      place,
    )
  }
})

test('TargetFolder.open() fails with path_missing where nothing is to be made', (context) => {
  const place = join(temporaryFolder(context), 'absent')
  assert.throws(
    () => TargetFolder.open(place, { create: false }),
    (error) => isFailure(error, 'path_missing'),
  )
})

test('TargetDirectory refuses every name that could lead out of it', (context) => {
  const folder = temporaryFolder(context)
  using target = TargetFolder.open(join(folder, 'target'), { create: true })
  for (const name of ['', '.', '..', '/', '/etc', 'a/b', '../x', 'a\0b']) {
    const actions = [
      () => target.root.directory(name),
      () => target.root.newFile(name),
      () => target.root.presentFile(name),
      () => target.root.fileForReading(name),
      () => target.root.symlink(name, 'x'),
      () => target.root.hardLink(name, { directory: target.root, name: 'x' }),
      () => target.root.hardLink('x', { directory: target.root, name }),
      () => target.root.specialFile(name, { type: 'fifo' }),
      () => target.root.removeAll(name),
      () => target.root.stat(name),
      () => target.file([name]),
      () => target.directory(['x', name]),
    ]
    for (const action of actions) {
      assert.throws(
        action,
        (error) => isFailure(error, 'target_unsafe'),
        `${JSON.stringify(name)} ${action.toString()}`,
      )
    }
  }
  assert.deepEqual(readdirSync(folder), ['target'])
  assert.deepEqual(readdirSync(join(folder, 'target')), [])
})

test('TargetDirectory never follows a symlink that was planted', (context) => {
  const folder = temporaryFolder(context)
  const outside = join(folder, 'outside')
  mkdirSync(outside)
  writeFileSync(join(outside, 'victim'), 'untouched')
  using target = TargetFolder.open(join(folder, 'target'), { create: true })
  symlinkSync(outside, join(folder, 'target/directory'))
  symlinkSync(join(outside, 'victim'), join(folder, 'target/file'))
  symlinkSync(join(outside, 'new'), join(folder, 'target/dangling'))
  assert.throws(
    () => target.root.directory('directory'),
    (error) => isFailure(error, 'target_unsafe'),
  )
  assert.throws(
    () => target.directory(['directory']),
    (error) => isFailure(error, 'target_unsafe'),
  )
  assert.throws(
    () => target.file(['directory', 'victim']),
    (error) => isFailure(error, 'target_unsafe'),
  )
  assert.throws(
    () => target.file(['file']),
    (error) => isFailure(error, 'target_unsafe'),
  )
  assert.equal(target.root.fileForReading('file'), undefined)
  assert.throws(
    () => target.root.presentFile('file'),
    (error) => isFailure(error, 'target_failed') && error.facts['code'] === 'ELOOP',
  )
  writeThrough(target.root.newFile('file'), 'mine')
  writeThrough(target.root.newFile('dangling'), 'mine too')
  target.root.removeAll('directory')
  assert.deepEqual(readdirSync(outside), ['victim'])
  assert.equal(readFileSync(join(outside, 'victim'), 'utf8'), 'untouched')
  assert.equal(readFileSync(join(folder, 'target/file'), 'utf8'), 'mine')
  assert.ok(lstatSync(join(folder, 'target/file')).isFile())
  assert.ok(!existsSync(join(folder, 'target/directory')))
})

test('openStepwise() refuses symlinks and ".." as openBeneath() does', (context) => {
  const folder = temporaryFolder(context)
  mkdirSync(join(folder, 'target/a'), { recursive: true })
  writeFileSync(join(folder, 'target/a/file'), 'text')
  symlinkSync('a', join(folder, 'target/link'))
  symlinkSync('file', join(folder, 'target/a/link'))
  using target = TargetFolder.open(join(folder, 'target'), { create: false })
  const { fd } = target.root
  close(openStepwise(fd, 'a/file', 0))
  assert.throws(() => openStepwise(fd, 'link/file', 0), { code: 'ELOOP' })
  assert.throws(() => openStepwise(fd, 'a/link', 0), { code: 'ELOOP' })
  assert.throws(() => openStepwise(fd, 'a/../../x', 0), { code: 'EXDEV' })
  assert.throws(() => openStepwise(fd, '/etc/passwd', 0), { code: 'EXDEV' })
  assert.throws(() => openStepwise(fd, 'a/file/x', 0), { code: 'ENOTDIR' })
  assert.throws(() => openStepwise(fd, 'a/absent', 0), { code: 'ENOENT' })
})

test('TargetDirectory.presentFile() keeps the content of a file that is there, newFile() begins anew', (context) => {
  const folder = temporaryFolder(context)
  writeFileSync(join(folder, 'file'), 'old content')
  using target = TargetFolder.open(folder, { create: false })
  writeThrough(target.root.presentFile('file'), 'new')
  assert.equal(readFileSync(join(folder, 'file'), 'utf8'), 'new content')
  writeThrough(target.root.newFile('file'), 'fresh')
  assert.equal(readFileSync(join(folder, 'file'), 'utf8'), 'fresh')
  assert.equal(lstatSync(join(folder, 'file')).mode & 0o777, 0o600)
  assert.throws(
    () => target.root.presentFile('absent'),
    (error) => isFailure(error, 'target_failed') && error.facts['code'] === 'ENOENT',
  )
  assert.deepEqual(readdirSync(folder), ['file'])
})

test('TargetDirectory.presentFile() and newFile() leave the other names of a file alone', (context) => {
  const folder = temporaryFolder(context)
  writeFileSync(join(folder, 'other'), 'of somebody else')
  mkdirSync(join(folder, 'target'))
  linkSync(join(folder, 'other'), join(folder, 'target/file'))
  using target = TargetFolder.open(join(folder, 'target'), { create: false })
  assert.throws(
    () => target.root.presentFile('file'),
    (error) => isFailure(error, 'target_failed'),
  )
  writeThrough(target.root.newFile('file'), 'mine')
  assert.equal(readFileSync(join(folder, 'other'), 'utf8'), 'of somebody else')
})

test('TargetDirectory.newFile() replaces an empty directory and refuses a full one', (context) => {
  const folder = temporaryFolder(context)
  mkdirSync(join(folder, 'empty'))
  mkdirSync(join(folder, 'full/inside'), { recursive: true })
  using target = TargetFolder.open(folder, { create: false })
  close(target.root.newFile('empty'))
  assert.ok(lstatSync(join(folder, 'empty')).isFile())
  assert.throws(
    () => target.root.newFile('full'),
    (error) => isFailure(error, 'target_failed') && error.facts['code'] === 'ENOTEMPTY',
  )
  target.root.removeAll('full')
  assert.ok(!existsSync(join(folder, 'full')))
})

test('TargetDirectory.directory() opens what is there, replaces a file, makes what is missing', (context) => {
  const folder = temporaryFolder(context)
  mkdirSync(join(folder, 'present/inside'), { recursive: true })
  writeFileSync(join(folder, 'file'), '')
  using target = TargetFolder.open(folder, { create: false })
  for (const name of ['present', 'file', 'missing']) {
    using directory = target.root.directory(name)
    close(directory.newFile('x'))
    assert.ok(existsSync(join(folder, name, 'x')))
  }
  assert.ok(existsSync(join(folder, 'present/inside')))
})

test('TargetFolder.file() and directory() open by the names that lead there', (context) => {
  const folder = temporaryFolder(context)
  using target = TargetFolder.open(folder, { create: false })
  using a = target.root.directory('a')
  using b = a.directory('b\udcff') // Not UTF-8.
  close(b.newFile('c'))
  writeThrough(target.file(['a', 'b\udcff', 'c']), 'text')
  using again = target.directory(['a', 'b\udcff'])
  assert.deepEqual(again.names(), ['c'])
  const fd = again.fileForReading('c')
  assert.notEqual(fd, undefined)
  close(fd!)
  assert.equal(again.fileForReading('absent'), undefined)
})

test('TargetDirectory makes symlinks and hard links over what is in the way', (context) => {
  const folder = temporaryFolder(context)
  using target = TargetFolder.open(folder, { create: false })
  writeThrough(target.root.newFile('first'), 'text')
  writeFileSync(join(folder, 'link'), '')
  writeFileSync(join(folder, 'second'), '')
  target.root.symlink('link', '/not/\udcfe/there')
  assert.equal(target.root.linkTarget('link'), '/not/\udcfe/there')
  assert.deepEqual(readlinkSync(join(folder, 'link'), 'buffer'), Buffer.from('/not/\xfe/there', 'latin1'))
  for (let round = 0; round < 2; round++) {
    target.root.hardLink('second', { directory: target.root, name: 'first' })
    assert.equal(lstatSync(join(folder, 'second')).ino, lstatSync(join(folder, 'first')).ino)
    assert.equal(lstatSync(join(folder, 'first')).nlink, 2)
  }
})

test('TargetDirectory.specialFile() makes fifos and, for root, devices', (context) => {
  const folder = temporaryFolder(context)
  using target = TargetFolder.open(folder, { create: false })
  target.root.specialFile('fifo', { type: 'fifo' })
  assert.ok(lstatSync(join(folder, 'fifo')).isFIFO())
  // Opening it for writing must not wait for a reader.
  assert.throws(
    () => target.root.presentFile('fifo'),
    (error) => isFailure(error, 'target_failed'),
  )
  close(target.root.newFile('fifo'))
  assert.ok(lstatSync(join(folder, 'fifo')).isFile())
  assert.throws(
    () => target.root.specialFile('x', { type: 'socket' }),
    (error) => isFailure(error, 'target_failed'),
  )
  if (process.geteuid!() !== 0) return context.diagnostic('devices are left out: only root can make them')
  target.root.specialFile('null', { type: 'chardev', device: 0x103 })
  target.root.specialFile('disk', { type: 'dev', device: 0x12345678 })
  assert.ok(lstatSync(join(folder, 'null')).isCharacterDevice())
  assert.equal(lstatSync(join(folder, 'null')).rdev, 0x103)
  assert.ok(lstatSync(join(folder, 'disk')).isBlockDevice())
  assert.equal(lstatSync(join(folder, 'disk')).rdev, 0x12345678)
})

test('TargetDirectory.removeAll() removes deep trees, and nothing behind symlinks', (context) => {
  const folder = temporaryFolder(context)
  mkdirSync(join(folder, 'outside'))
  writeFileSync(join(folder, 'outside/file'), '')
  mkdirSync(join(folder, 'target/tree', ...Array<string>(100).fill('d')), { recursive: true })
  symlinkSync('../../outside', join(folder, 'target/tree/link'))
  using target = TargetFolder.open(join(folder, 'target'), { create: false })
  target.root.removeAll('tree')
  target.root.removeAll('absent')
  assert.deepEqual(readdirSync(join(folder, 'target')), [])
  assert.deepEqual(readdirSync(join(folder, 'outside')), ['file'])
})

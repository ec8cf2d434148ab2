import assert from 'node:assert/strict'
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { compareNames, decodeName, encodeName } from '../../base/byte-name.ts'
import { close } from '../../posix/open.ts'
import { ExcludeRules } from './exclude-rules.ts'
import { joinPath, openDirectory, scanDirectory, type ScanOptions, type ScannedDirectory } from './scan-directory.ts'

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync('/tmp/scan-directory-')
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function scan(folder: string, options: ScanOptions = {}): ScannedDirectory {
  const fd = openDirectory(folder)
  try {
    return scanDirectory(fd, folder, options)
  } finally {
    close(fd)
  }
}

function namesOf(scanned: ScannedDirectory): string[] {
  return scanned.entries.map((entry) => entry.name)
}

test('scanDirectory() lists entries in the order of their bytes, whatever bytes they are', (context) => {
  const folder = temporaryFolder(context)
  const names = [
    'b',
    'a',
    'Z',
    'ü',
    '\u{1f600}',
    '\uff5e',
    'a\udcff',
    'a\udc80b',
    ' ',
    '...',
    '.x',
    '\n',
    '\\',
    'x'.repeat(255),
  ]
  for (const name of names) writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), encodeName(name)]), name)
  const scanned = scan(folder)
  assert.deepEqual(namesOf(scanned), names.toSorted(compareNames))
  assert.deepEqual(scanned.gaps, [])
  assert.deepEqual(
    scanned.entries.map((entry) => entry.stat.size),
    namesOf(scanned).map((name) => Buffer.byteLength(name)),
  )
  assert.ok(names.includes(decodeName(Buffer.from('a\xff', 'latin1'))))
})

test('scanDirectory() tells the same as lstat()', (context) => {
  const folder = temporaryFolder(context)
  writeFileSync(join(folder, 'file'), 'text')
  chmodSync(join(folder, 'file'), 0o4751)
  mkdirSync(join(folder, 'dir'))
  symlinkSync('nowhere', join(folder, 'symlink'))
  const { entries } = scan(folder)
  assert.deepEqual(
    entries.map((entry) => [entry.name, entry.stat.type]),
    [
      ['dir', 'dir'],
      ['file', 'file'],
      ['symlink', 'symlink'],
    ],
  )
  for (const { name, stat } of entries) {
    const expected = lstatSync(join(folder, name), { bigint: true })
    const second = 1_000_000_000n
    assert.deepEqual(
      {
        mode: BigInt(stat.mode),
        inode: BigInt(stat.inode),
        deviceId: BigInt(stat.deviceId),
        links: BigInt(stat.links),
        uid: BigInt(stat.uid),
        gid: BigInt(stat.gid),
        size: BigInt(stat.size),
        allocated: BigInt(stat.allocatedBytes),
        mtime: BigInt(stat.mtimeSeconds) * second + BigInt(stat.mtimeNanoseconds),
        ctime: BigInt(stat.ctimeSeconds) * second + BigInt(stat.ctimeNanoseconds),
        atime: BigInt(stat.atimeSeconds) * second + BigInt(stat.atimeNanoseconds),
      },
      {
        mode: expected.mode,
        inode: expected.ino,
        deviceId: expected.dev,
        links: expected.nlink,
        uid: expected.uid,
        gid: expected.gid,
        size: expected.size,
        allocated: expected.blocks * 512n,
        mtime: expected.mtimeNs,
        ctime: expected.ctimeNs,
        atime: expected.atimeNs,
      },
    )
  }
})

test('scanDirectory() lists more entries than one call of the system answers', (context) => {
  const folder = temporaryFolder(context)
  const long = 'n'.repeat(200)
  for (let at = 0; at < 3000; at++) writeFileSync(join(folder, `${long}${at}`), '')
  const { entries } = scan(folder)
  assert.equal(new Set(entries.map((entry) => entry.name)).size, 3000)
})

test('scanDirectory() skips sockets and says so', async (context) => {
  const folder = temporaryFolder(context)
  const server = createServer().listen(join(folder, 'socket'))
  await new Promise((resolve) => server.once('listening', resolve))
  const scanned = scan(folder)
  server.close()
  assert.deepEqual(scanned.entries, [])
  assert.deepEqual(scanned.gaps, [{ path: join(folder, 'socket'), reason: 'socket', detail: 'a socket' }])
})

test('scanDirectory() leaves out by pattern, by size and by type', (context) => {
  const folder = temporaryFolder(context)
  for (const name of ['a.o', 'b.c', 'large']) writeFileSync(join(folder, name), name === 'large' ? 'x'.repeat(100) : '')
  for (const name of ['build', 'c.o']) mkdirSync(join(folder, name))
  const rules = new ExcludeRules({ patterns: ['*.o', `${folder}/build/`], largerThanBytes: 99 })
  const scanned = scan(folder, { rules })
  assert.deepEqual(namesOf(scanned), ['b.c'])
  assert.equal(scanned.excluded, 4)
})

test('scanDirectory() keeps only the tag of a tagged directory, where its signature is right', (context) => {
  const folder = temporaryFolder(context)
  const rules = new ExcludeRules({ patterns: [], caches: true })
  writeFileSync(join(folder, 'data'), '')
  writeFileSync(join(folder, 'CACHEDIR.TAG'), 'Signature: 8a477f597d28d172789f06886806bc5')
  assert.deepEqual(namesOf(scan(folder, { rules })), ['CACHEDIR.TAG', 'data'])
  writeFileSync(join(folder, 'CACHEDIR.TAG'), 'Signature: 8a477f597d28d172789f06886806bc55\n# more')
  assert.deepEqual(namesOf(scan(folder, { rules })), ['CACHEDIR.TAG'])
  assert.equal(scan(folder, { rules }).excluded, 1)
  assert.deepEqual(namesOf(scan(folder, { rules: new ExcludeRules({ patterns: [], ifPresent: ['data'] }) })), ['data'])
})

test('scanDirectory() stays on the file system that it is told', (context) => {
  const folder = temporaryFolder(context)
  mkdirSync(join(folder, 'dir'))
  writeFileSync(join(folder, 'file'), '')
  const device = lstatSync(folder).dev
  assert.deepEqual(namesOf(scan(folder, { device })), ['dir', 'file'])
  // As if the directory were the top of another file system: it is kept, but nothing in it.
  assert.deepEqual(namesOf(scan(folder, { device: device + 1 })), [])
  const root = scan('/', { device: lstatSync('/').dev })
  assert.ok(namesOf(root).includes('proc'), 'a mount point is listed')
  assert.deepEqual(namesOf(scan('/proc', { device: lstatSync('/').dev })), [])
})

test('openDirectory() follows a symlink only where it is asked to', (context) => {
  const folder = temporaryFolder(context)
  mkdirSync(join(folder, 'dir'))
  symlinkSync('dir', join(folder, 'link'))
  assert.throws(() => openDirectory(join(folder, 'link')), { code: 'ENOTDIR' })
  close(openDirectory(join(folder, 'link'), { symlink: 'follow' }))
  assert.throws(() => openDirectory(join(folder, 'absent')), { code: 'ENOENT' })
  assert.throws(() => openDirectory('a\0b'), { code: 'EINVAL' })
})

test('joinPath() needs no second slash after the root', () => {
  assert.equal(joinPath('/', 'a'), '/a')
  assert.equal(joinPath('/a', 'b'), '/a/b')
})
